"""
Merging: the small blocks of a machine's day are joined once there are many.

A collector that sends every few seconds makes blocks of a few samples, which cost more space and time than their
content. Joining when there are about SMALL_BLOCKS writes each sample a handful of times in all. It is done between
batches, not within one: the blocks are read, then joined while the store is free for others, and take the place of
their parts in one transaction. Who reads sees either.
"""

import logging
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from appliance.errors import BadData
from appliance.metrics import Group
from appliance.samples import join
from appliance.store import blocks, database, settings
from appliance.store.blocks import DAY_MS, Encoded, Row
from appliance.store.tenant import Block, TenantStore

SMALL_SAMPLES, SMALL_BLOCKS, STAGGERED = 512, 32, 16

SMALL = (
    blocks.SELECT + "WHERE m.name = ? AND kind = ? AND start_ms BETWEEN ? AND ? AND run = ? AND samples < ? "
    "ORDER BY start_ms, b.id"
)

logger = logging.getLogger("perfanalysis.store")


class Place(NamedTuple):
    """Where blocks may be joined: they have one group and run, and do not go past midnight."""

    machine: str
    group: Group
    run: int
    day: int


def note(store: TenantStore, added: Iterable[Encoded]) -> None:
    """Remember where blocks were added; lost with the process, which only puts merging off."""
    for block in added:
        where = Place(block.machine, block.group, block.run, block.start_ms // DAY_MS)
        store.grown[where] = store.grown.get(where, 0) + 1


def merge_due(store: TenantStore) -> int:
    """Join small blocks where it is due; return how many there are less."""
    gone = 0
    for where in due(store):
        store.grown.pop(where, None)
        gone += merge(store, where)
    return gone


def due(store: TenantStore) -> list[Place]:
    """Return where many blocks have come, or where a day is over: the machine has some of a later one."""
    grown = list(store.grown.items())
    newest: dict[tuple[str, Group], int] = {}
    for where, _ in grown:
        newest[where[:2]] = max(where.day, newest.get(where[:2], where.day))
    return [where for where, count in grown if where.day < newest[where[:2]] or count >= enough(where.machine)]


def enough(machine: str) -> int:
    """Machines that began together do not all come to it in the same moment."""
    return SMALL_BLOCKS - zlib.crc32(machine.encode()) % STAGGERED


def merge(store: TenantStore, where: Place) -> int:
    """
    Join the small blocks of a place; return how many blocks there are less. A damaged one stops it.

    Raises what `database.translated` gives.
    """
    try:
        return join_small(store, where)
    except (OSError, *database.LIBRARY_ERRORS) as error:
        raise database.translated(error, store.path) from error


def join_small(store: TenantStore, where: Place) -> int:
    first = where.day * DAY_MS
    which = (where.machine, where.group.value, first, first + DAY_MS - 1, where.run, SMALL_SAMPLES)
    with store.lock:
        rows = [Row(*row) for row in store.database.execute_sql(SMALL, which)]
    if len(rows) < 2:
        return 0
    try:
        joined = join([blocks.read(row) for row in rows])
    except BadData as error:
        logger.warning("%s: %s is not merged: %s", store.path, where.machine, error.message)
        return 0
    made = [blocks.encode(piece) for piece in blocks.pieces(joined)]
    if len(made) >= len(rows):
        return 0
    with store.lock, store.database.atomic("IMMEDIATE"):
        store.check_there()
        settings.allow_growth(store.database)
        # Retention may have cut or removed some of them meanwhile, and numbers are given again.
        if not blocks.are_there(store.database, rows):
            return 0
        machine = store.database.execute_sql("SELECT id FROM machine WHERE name = ?", (where.machine,)).fetchone()[0]
        for block, data in made:
            blocks.insert(store.database, machine, block, data)
        Block.delete().where(Block.id.in_([row.id for row in rows])).execute(store.database)
        blocks.remove_unused(store.database, {row.layout for row in rows})
    return len(rows) - len(made)

"""Blocks: immutable, compressed stretches of samples of one machine, group and run."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from appliance.errors import BadData
from appliance.metrics import METRICS, Group
from appliance.samples import Column, Samples
from appliance.store import codec
from appliance.store.database import Database
from appliance.store.tenant import Block, Layout

BLOCK_SAMPLES = 8640
"""A day at 10 s. Longer blocks waste less of SQLite's pages, of which each block leaves half of one empty."""
WIDE_SAMPLES, BLOCK_VALUES = 1024, 1 << 18
"""Blocks of many columns end earlier, at a thousand samples or this many values: memory is needed for a whole one."""
DAY_MS = 86_400_000
SEALED = 3
"""From this codec on a block's checksum covers more than its values."""

# Written out: peewee takes longer to build a statement than SQLite to run it, and there is one for each block.
INSERT = (
    "INSERT INTO block(machine, kind, run, start_ms, end_ms, samples, layout, codec, checksum, data) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SELECT = (
    "SELECT b.id, b.layout, b.run, b.kind, b.start_ms, b.codec, b.checksum, b.data, l.columns, m.name "
    "FROM block b JOIN layout l ON l.id = b.layout JOIN machine m ON m.id = b.machine "
)
# No block goes past midnight: from there on, so that a long history is not looked through.
OVERLAPPING = SELECT + (
    "WHERE machine = ? AND kind = ? AND start_ms BETWEEN ? AND ? AND end_ms >= ? AND (? IS NULL OR run = ?) "
    "ORDER BY start_ms, b.id"
)
ANY_OVERLAPPING = (
    "SELECT 1 FROM block WHERE machine = ? AND kind = ? AND start_ms BETWEEN ? AND ? AND end_ms >= ? AND run = ? "
    "LIMIT 1"
)
INSERT_APART = (  # noqa: S608 - both parts are ours
    "INSERT INTO block(machine, kind, run, start_ms, end_ms, samples, codec, checksum, data, layout) "
    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, id FROM layout WHERE columns = ? AND NOT EXISTS ("
) + f"{ANY_OVERLAPPING})"


class BadColumns(BadData):
    """What a block has columns of cannot be told."""


class Row(NamedTuple):
    """A stored block, as SELECT gives it."""

    id: int
    layout: int
    run: int
    kind: str
    start_ms: int
    codec: int
    checksum: bytes
    data: bytes
    columns: str
    name: str


class Encoded(NamedTuple):
    """What is known of a block besides its data."""

    machine: str
    run: int
    group: Group
    start_ms: int
    end_ms: int
    samples: int
    """How many it has."""
    columns: Sequence[Column]
    layout: str
    """The columns as they are stored."""
    checksum: bytes


def encode(samples: Samples) -> tuple[Encoded, bytes]:
    """Return samples as a block and its data."""
    columns = list(samples.columns)
    data, checksum = codec.encode(samples.at_ms, list(samples.columns.values()))
    start_ms, end_ms = int(samples.at_ms[0]), int(samples.at_ms[-1])
    layout = json.dumps([[column.metric.name, column.instance] for column in columns], separators=(",", ":"))
    block = Encoded(
        samples.machine, samples.run, samples.group, start_ms, end_ms, len(samples.at_ms), columns, layout, checksum
    )
    return block, data


def decode(block: Encoded, data: bytes) -> Samples:
    at_ms, values = codec.decode(data, block.checksum)
    return Samples(block.machine, block.run, block.group, at_ms, dict(zip(block.columns, values, strict=True)))


def insert(db: Database, machine: int, block: Encoded, data: bytes) -> None:
    """Store a block of a machine."""
    db.execute_sql(
        INSERT,
        (
            machine, block.group.value, block.run, block.start_ms, block.end_ms, block.samples,
            layout_id(db, block.layout), codec.CODEC, sealed(block.checksum, block), data,
        ),
    )  # fmt: skip


def insert_apart(db: Database, machine: int, block: Encoded, data: bytes) -> bool:
    """Store a block unless stored ones touch its span, and say whether it was stored."""
    span = machine, block.group.value, block.start_ms // DAY_MS * DAY_MS, block.end_ms, block.start_ms, block.run
    # One statement instead of three: between two of them other threads may take their turn.
    stored = db.execute_sql(
        INSERT_APART,
        (
            machine, block.group.value, block.run, block.start_ms, block.end_ms, block.samples, codec.CODEC,
            sealed(block.checksum, block), data, block.layout, *span,
        ),
    )  # fmt: skip
    if stored.rowcount:
        return True
    if overlaps(db, machine, block):
        return False
    # Its columns are new.
    insert(db, machine, block, data)
    return True


def are_there(db: Database, rows: Sequence[Row]) -> bool:
    """Say whether blocks that were read are still stored, each as it was."""
    query = Block.select(Block.id, Block.checksum).where(Block.id.in_([row.id for row in rows]))
    found = {(row.id, bytes(row.checksum)) for row in query.execute(db)}
    return found == {(row.id, bytes(row.checksum)) for row in rows}


def remove_unused(db: Database, layouts: set[int]) -> None:
    """
    Remove those layouts that no block has any more.

    Where instances come and go (processes, containers) every block has a layout of its own, longer than its data.
    """
    used = {row.layout for row in Block.select(Block.layout).where(Block.layout.in_(layouts)).distinct().execute(db)}
    Layout.delete().where(Layout.id.in_(layouts - used)).execute(db)


def pieces(samples: Samples) -> Iterator[Samples]:
    """Cut samples where a block ends: at a day's end (UTC), or when it is long enough."""
    at_ms = samples.at_ms
    most = min(BLOCK_SAMPLES, max(WIDE_SAMPLES, BLOCK_VALUES // max(1, len(samples.columns))))
    start = 0
    while start < len(at_ms):
        midnight = (at_ms[start] // DAY_MS + 1) * DAY_MS
        end = min(start + most, int(np.searchsorted(at_ms, midnight)))
        yield samples.take(slice(start, end)) if (start, end) != (0, len(at_ms)) else samples
        start = end


def sealed(checksum: bytes, block: Encoded | Row) -> bytes:
    """
    Mix into a checksum whose samples a block has, of which run and group; twice leaves it as it was.

    So a bit that flips there is found too: values are never read as those of another machine, disk or run.
    """
    if isinstance(block, Row):
        place = (block.name, block.run, block.kind, block.columns)
    else:
        place = (block.machine, block.run, block.group.value, block.layout)
    digest = hashlib.blake2b("\0".join(map(str, place)).encode("utf-8", "surrogateescape"), digest_size=len(checksum))
    return bytes(a ^ b for a, b in zip(checksum, digest.digest(), strict=True))


def layout_id(db: Database, layout: str) -> int:
    known = db.execute_sql("SELECT id FROM layout WHERE columns = ?", (layout,)).fetchone()
    return int(known[0] if known else db.execute_sql("INSERT INTO layout(columns) VALUES(?)", (layout,)).lastrowid)


def overlaps(db: Database, machine: int, block: Encoded) -> bool:
    """Say whether a stored block of the same machine, group and run touches the span of another."""
    found = db.execute_sql(
        ANY_OVERLAPPING,
        (machine, block.group.value, block.start_ms // DAY_MS * DAY_MS, block.end_ms, block.start_ms, block.run),
    )
    return found.fetchone() is not None


def overlapping(
    db: Database, machine: int, group: Group, run: int | None, start_ms: int, end_ms: int
) -> Iterator[Samples]:
    """Give the stored blocks that touch a span of time (both ends inside), of one run or of all, in order of time."""
    rows = db.execute_sql(
        OVERLAPPING,
        (machine, group.value, start_ms // DAY_MS * DAY_MS, end_ms, start_ms, run, run),
    )
    for row in rows:
        yield read(Row(*row))


def read(row: Row) -> Samples:
    """Decode a block; raise BadData if it is damaged or of a newer program."""
    if row.codec not in codec.KNOWN:
        raise BadData(
            f"a block of stored samples has codec {row.codec}, which this program does not know: use a newer one."
        )
    try:
        group, names = Group(row.kind), json.loads(row.columns)
    except ValueError as error:
        raise BadColumns(
            "the columns of a block of stored samples are damaged: restore the tenant's file from a backup."
        ) from error
    checksum = bytes(row.checksum)
    if row.codec >= SEALED:
        checksum = sealed(checksum, row)
    at_ms, values = codec.decode(bytes(row.data), checksum, row.codec)
    # A metric that the catalogue does not know any more is passed over, not an error.
    columns = {
        Column(METRICS[name], instance): column
        for (name, instance), column in zip(names, values, strict=True)
        if name in METRICS
    }
    return Samples(row.name, row.run, group, at_ms, columns)


def within(samples: Samples, start_ms: int, end_ms: int) -> Samples | None:
    """Return the samples of a span (both ends inside), or None if there is none."""
    first, after = (int(at) for at in np.searchsorted(samples.at_ms, (start_ms, end_ms + 1)))
    if (first, after) == (0, len(samples.at_ms)):
        return samples
    return samples.take(slice(first, after)) if first < after else None

"""Blocks: immutable, compressed stretches of samples of one machine, group and run."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from appliance.errors import BadData
from appliance.metrics import METRICS, Group
from appliance.samples import Column, Samples, join
from appliance.store import codec
from appliance.store.database import Database
from appliance.store.tenant import Block, Layout, Machine

BLOCK_SAMPLES = 1024
SMALL_BLOCKS = 32
DAY_MS = 86_400_000


def insert(db: Database, machine: int, samples: Samples) -> None:
    """Store samples as one block."""
    data, checksum = codec.encode(samples.at_ms, list(samples.columns.values()))
    Block.insert(
        machine=machine, kind=samples.group.value, run=samples.run, start_ms=int(samples.at_ms[0]),
        end_ms=int(samples.at_ms[-1]), samples=len(samples.at_ms), layout=layout_id(db, list(samples.columns)),
        codec=codec.CODEC, checksum=checksum, data=data,
    ).execute(db)  # fmt: skip


def merge_small(db: Database, machine: int, added: Samples) -> None:
    """
    Join the small blocks of the days of what was added once there are many, inside the caller's transaction.

    A collector that sends every few seconds makes blocks of a few samples, which cost more space and time than their
    content. Joining when there are SMALL_BLOCKS writes each sample a handful of times in all.
    """
    first, last = (int(at_ms) // DAY_MS * DAY_MS for at_ms in (added.at_ms[0], added.at_ms[-1]))
    same = (Block.machine == machine, Block.kind == added.group.value, Block.run == added.run)
    days = (Block.start_ms >= first, Block.start_ms < last + DAY_MS)
    small = select().where(*same, *days, Block.samples < BLOCK_SAMPLES // 2).order_by(Block.start_ms, Block.id)
    rows = list(small.namedtuples().execute(db))
    if len(rows) < SMALL_BLOCKS:
        return
    for _, day in groupby(rows, key=lambda row: row.start_ms // DAY_MS):
        stretch = list(day)
        if len(stretch) > 1:
            for piece in pieces(join([read(row) for row in stretch])):
                insert(db, machine, piece)
            Block.delete().where(Block.id.in_([row.id for row in stretch])).execute(db)
            remove_unused(db, {row.layout for row in stretch})


def remove_unused(db: Database, layouts: set[int]) -> None:
    """
    Remove those layouts that no block has any more.

    Where instances come and go (processes, containers) every block has a layout of its own, longer than its data.
    """
    used = {row.layout for row in Block.select(Block.layout).where(Block.layout.in_(layouts)).distinct().execute(db)}
    Layout.delete().where(Layout.id.in_(layouts - used)).execute(db)


def pieces(samples: Samples) -> Iterator[Samples]:
    """Cut samples where a block ends: at a thousand samples or a day (UTC), whichever comes first."""
    at_ms = samples.at_ms
    start = 0
    while start < len(at_ms):
        midnight = (at_ms[start] // DAY_MS + 1) * DAY_MS
        end = min(start + BLOCK_SAMPLES, int(np.searchsorted(at_ms, midnight)))
        yield samples.take(np.arange(start, end)) if (start, end) != (0, len(at_ms)) else samples
        start = end


def layout_id(db: Database, columns: list[Column]) -> int:
    text = json.dumps([[column.metric.name, column.instance] for column in columns], separators=(",", ":"))
    db.execute_sql("INSERT INTO layout(columns) VALUES(?) ON CONFLICT(columns) DO NOTHING", (text,))
    return int(next(iter(Layout.select(Layout.id).where(Layout.columns == text).execute(db))).id)


def overlapping(
    db: Database, machine: int, group: Group, run: int | None, start_ms: int, end_ms: int
) -> Iterator[Samples]:
    """Give the stored blocks that touch a span of time (both ends inside), of one run or of all, in order of time."""
    query = (
        select()
        .where(Block.machine == machine, Block.kind == group.value, Block.start_ms <= end_ms, Block.end_ms >= start_ms)
        .order_by(Block.start_ms, Block.id)
    )
    if run is not None:
        query = query.where(Block.run == run)
    for row in query.namedtuples().execute(db):
        yield read(row)


def select() -> Any:
    """Return the query of all blocks with what `read` needs."""
    return (
        Block.select(Block, Layout.columns.alias("columns"), Machine.name.alias("name"))
        .join(Layout, on=Block.layout == Layout.id)
        .join(Machine, on=Block.machine == Machine.id)
    )


def read(row: Any) -> Samples:
    """Decode a block; raise BadData if it is damaged or of a newer program."""
    if row.codec != codec.CODEC:
        raise BadData(
            f"a block of stored samples has codec {row.codec}, which this program does not know: use a newer one."
        )
    at_ms, values = codec.decode(bytes(row.data), bytes(row.checksum))
    # A metric that the catalogue does not know any more is passed over, not an error.
    columns = {
        Column(METRICS[name], instance): column
        for (name, instance), column in zip(json.loads(row.columns), values, strict=True)
        if name in METRICS
    }
    return Samples(row.name, row.run, Group(row.kind), at_ms, columns)


def within(samples: Samples, start_ms: int, end_ms: int) -> Samples | None:
    """Return the samples of a span (both ends inside), or None if there is none."""
    rows = (samples.at_ms >= start_ms) & (samples.at_ms <= end_ms)
    if rows.all():
        return samples
    return samples.take(np.flatnonzero(rows)) if rows.any() else None

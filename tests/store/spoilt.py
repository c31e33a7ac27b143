"""A tenant's file in which bits flip, and what is read of it then."""

import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from keeping import LOAD, NOON

from appliance import metrics
from appliance.errors import PerfanalysisError
from appliance.metrics import Group
from appliance.samples import Column, Samples, Values
from appliance.store import batches, codec, history
from appliance.store.batches import Batch
from appliance.store.blocks import DAY_MS
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of

MACHINES = ("web-1", "web-2")
Found = dict[tuple[Any, ...], int]
DISKS = [Column(metrics.DISK_READS, f"sd{letter}") for letter in "abcd"]


def fill_days(data: Path, days: int = 6) -> Path:
    """Make a tenant's file with two machines, several columns, short blocks and long noisy ones; return its path."""
    registry = Registry(data)
    registry.create_tenant("team-a")
    registry.close()
    noise = np.random.default_rng(1)
    with TenantStore(data, "team-a") as store:
        for machine in MACHINES:
            for day in range(days):
                length = 1200 if day % 3 == 0 else 60
                at_ms = NOON + DAY_MS * day + np.arange(length, dtype=np.int64) * 1000
                parts = [
                    Samples(
                        machine, day % 2, column.metric.group, at_ms, {column: Values(noise.integers(0, 2**40, length))}
                    )
                    for column in (LOAD, *DISKS[:1])
                ]
                parts += [
                    Samples(machine, 5, column.metric.group, at_ms[:30], {column: Values(np.arange(30) * number)})
                    for number, column in enumerate(DISKS, 1)
                ]
                batches.add_batch(store, Batch(batches.digest_of("csv", machine, b"%d" % day), "csv", parts, {}))
        store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder_of(data, "team-a") / "data.sqlite"


def values(data: Path) -> Found:
    """All values of a store, by what they are of."""
    found: Found = {}
    with TenantStore(data, "team-a", read_only=True) as store:
        for machine in MACHINES:
            for group in (LOAD.metric.group, DISKS[0].metric.group):
                add_values(found, store, machine, group)
    return found


def add_values(found: Found, store: TenantStore, machine: str, group: Group) -> None:
    for part in history.read(store, machine, groups=[group]):
        for column, numbers in part.columns.items():
            name = (part.machine, part.run, column.metric.name, column.instance)
            pairs = zip(part.at_ms.tolist(), numbers.numbers.tolist(), strict=True)
            found.update({(*name, at): number for at, number in pairs})


def read_after_flips(data: Path, count: int, seed: int) -> Counter[str]:
    """Flip one bit after the other of a tenant's file and count how it is read: same, refused, missing or wrong."""
    path = fill_days(data)
    before, whole = values(data), path.read_bytes()
    counted: Counter[str] = Counter()
    for at in np.random.default_rng(seed).integers(0, 8 * len(whole), count).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        counted[outcome(data, before)] += 1
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(whole)
    return counted


def outcome(data: Path, before: Found) -> str:
    try:
        found = values(data)
    except (PerfanalysisError, zlib.error):
        return "refused"
    if any(before.get(name) != number for name, number in found.items()):
        return "wrong"
    return "same" if len(found) == len(before) else "missing"


def decode_unchecked(data: bytes, _: bytes, version: int = codec.CODEC) -> tuple[Any, list[Values]]:
    """Decode a block without looking at its checksum."""
    stream = zlib.decompressobj()
    at_ms, numbers, masks = codec.unpack(stream.decompress(data), stream.unused_data, version)
    return at_ms, [Values(*pair) for pair in zip(numbers, masks, strict=True)]

"""A store that gets batches of some days, whose small blocks are joined, and which removes what is old."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from keeping import LOAD

from appliance.samples import Samples, Values
from appliance.store import batches, history, merging, retention, settings
from appliance.store.batches import Batch
from appliance.store.blocks import DAY_MS
from appliance.store.registry import Registry
from appliance.store.settings import Settings
from appliance.store.tenant import TenantStore

MIDNIGHT = 20_000 * DAY_MS
TENANT = "team-a"


def part(at_ms: Iterable[int], machine: str = "m") -> Samples:
    """Samples whose values tell their time."""
    times = np.array(list(at_ms), np.int64)
    return Samples(machine, 0, LOAD.metric.group, times, {LOAD: Values(times // 7)})


def add(store: TenantStore, at_ms: Iterable[int], machine: str = "m", received_ms: int | None = None) -> None:
    """Store samples as one batch, as if it had been received at a time."""
    samples = part(at_ms, machine)
    digest = batches.digest_of("csv", machine, samples.at_ms.tobytes())
    batches.add_batch(store, Batch(digest, "csv", [samples], {}))
    if received_ms is not None:
        with store.lock:
            store.database.execute_sql("UPDATE batch SET received_ms = ? WHERE digest = ?", (received_ms, digest))


def times(store: TenantStore, machine: str = "m") -> list[int]:
    """The times that are stored, each with the value of that time."""
    found: list[int] = []
    for samples in history.read(store, machine):
        assert np.array_equal(samples.columns[LOAD].numbers, samples.at_ms // 7)
        found += samples.at_ms.tolist()
    assert len(found) == len(set(found))
    return sorted(found)


def make(data: Path, batches_a_day: int = 12, days: int = 3) -> None:
    """Make a tenant with small blocks on each of some days, which keeps the last two."""
    registry = Registry(data)
    registry.create_tenant(TENANT)
    registry.close()
    with TenantStore(data, TENANT) as store:
        for day in range(days):
            for number in range(batches_a_day):
                start = MIDNIGHT + day * DAY_MS + number * 10_000
                add(store, range(start, start + 10_000, 1000), received_ms=MIDNIGHT + days * DAY_MS)
        settings.write(store, Settings(keep_ms=2 * DAY_MS - 3_600_000))


def merge_all(store: TenantStore) -> int:
    """Join the small blocks of each day, as if each were over."""
    with store.lock:
        days = store.database.execute_sql("SELECT DISTINCT start_ms / ? FROM block ORDER BY 1", (DAY_MS,)).fetchall()
    return sum(merging.merge(store, merging.Place("m", LOAD.metric.group, 0, day)) for (day,) in days)


def retain(store: TenantStore, days: int = 3) -> retention.Removed:
    """Remove what is old two seconds after the last day's midnight, and an hour."""
    return retention.apply(store, now_ms=MIDNIGHT + days * DAY_MS + 2000)

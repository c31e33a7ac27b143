"""A tenant's file in which bits flip, as they do on a disk or in a memory that fails."""

from pathlib import Path

import numpy as np
from keeping import LOAD, NOON, fill

from appliance.errors import PerfanalysisError
from appliance.samples import Samples, Values
from appliance.store import any_schema, batches, tenant, verify
from appliance.store.batches import Batch
from appliance.store.tenant import TenantStore, folder_of


def fill_pages(data: Path) -> Path:
    """Make a tenant's file of which most bytes are values, and return its path."""
    fill(data, "team-a")
    path = folder_of(data, "team-a") / "data.sqlite"
    noise = np.random.default_rng(1)
    with TenantStore(data, "team-a") as store:
        for day in range(12):
            at_ms = NOON + 86_400_000 * day + np.arange(400, dtype=np.int64) * 1000
            values = {LOAD: Values(noise.integers(0, 2**50, 400))}
            part = Samples("web-1", 0, LOAD.metric.group, at_ms, values)
            batches.add_batch(store, Batch(batches.digest_of("csv", "web-1", b"%d" % day), "csv", [part], {}))
        store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def unseen_flips(path: Path, count: int, seed: int) -> list[int]:
    """Flip one bit after the other of a tenant's file; return those that change samples and are not found."""
    whole, before = path.read_bytes(), samples(path)
    unseen = []
    for at in np.random.default_rng(seed).integers(0, 8 * len(whole), count).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        try:
            with any_schema.reading(path, tenant.MIGRATIONS) as opened:
                found = verify.examine(opened).damages
        except PerfanalysisError:
            continue
        if not found and samples(path) != before:
            unseen.append(at)
    path.write_bytes(whole)
    return unseen


def samples(path: Path) -> list[tuple[object, ...]]:
    """All that says what was measured where and when."""
    with any_schema.reading(path, tenant.MIGRATIONS) as opened:
        return opened.execute_sql(
            "SELECT m.name, b.kind, b.run, b.start_ms, b.end_ms, b.samples, b.data, l.columns FROM block b "
            "JOIN machine m ON m.id = b.machine JOIN layout l ON l.id = b.layout ORDER BY b.id"
        ).fetchall()

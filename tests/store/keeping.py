"""Data folders with tenants that can be told apart, and all that they have."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from appliance import metrics
from appliance.errors import PerfanalysisError
from appliance.samples import Column, Samples, Values
from appliance.store import any_schema, batches, claim, registry, tenant
from appliance.store.batches import Batch
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of

LOAD = Column(metrics.LOAD_1, "")
NOON = 86_400_000 * 20_000 + 43_200_000
TABLES = ("machine", "batch", "layout", "block", "fact")


def fill(data: Path, name: str, *numbers: int, machine: str = "m") -> None:
    """Store a batch of one sample for each number in a tenant, which is made with a key if it is not there."""
    opened = Registry(data)
    if name not in opened.tenants():
        opened.create_tenant(name)
        opened.create_key(name, label=f"label-{name}")
    opened.close()
    with TenantStore(data, name) as store:
        for number in numbers:
            batches.add_batch(store, batch(number, machine))


def batch(number: int, machine: str = "m") -> Batch:
    values = {LOAD: Values(np.array([number], np.int64))}
    part = Samples(machine, 0, LOAD.metric.group, np.array([NOON + number], np.int64), values)
    facts = {"meta": {"hostname": f"host-{machine}"}}
    return Batch(batches.digest_of("csv", machine, b"%d" % number), "csv", [part], facts)


def content(data: Path) -> dict[str, Any]:
    """All rows of a data folder: of its registry, and of each tenant's file; {} where there is no folder."""
    if not (data / "registry.sqlite").exists():
        return {}
    found: dict[str, Any] = {}
    with any_schema.reading(data / "registry.sqlite", registry.MIGRATIONS) as opened:
        # When one was made is another time each time.
        found["tenants"] = [name for (name,) in opened.execute_sql("SELECT id FROM tenant ORDER BY id")]
        found["keys"] = opened.execute_sql("SELECT * FROM key ORDER BY id").fetchall()
    for name in found["tenants"]:
        found[f"tenant {name}"] = rows_of(folder_of(data, name) / "data.sqlite")
    return found


def rows_of(path: Path) -> str | None:
    """Tell the rows of a tenant's file from any others."""
    if not path.exists():
        return None
    digest = hashlib.sha256()
    with any_schema.reading(path, tenant.MIGRATIONS) as opened:
        for table in TABLES:
            for row in opened.execute_sql(f"SELECT * FROM {table} ORDER BY id"):
                digest.update(repr(row).encode())
    return digest.hexdigest()


def settled(data: Path) -> dict[str, Any]:
    """All that a data folder has after its next start, which must leave nothing beside."""
    with claim.claimed(data):
        pass
    assert [path.name for path in data.glob("chang*")] + [path.name for path in data.glob("CHANGE*")] == []
    return content(data)


def refusal(action: Any) -> PerfanalysisError | None:
    try:
        action()
    except PerfanalysisError as error:
        return error
    return None

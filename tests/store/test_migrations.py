"""Files of older versions are brought to today's schema, whatever comes between; those of newer ones are left alone."""

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from injected import sweep
from schemas_of_old import COUNT, FIRST_MS, REGISTRIES, TENANTS, write_registry, write_tenant

from appliance import metrics
from appliance.errors import BadConfiguration
from appliance.samples import Column
from appliance.store import batches, history, registry, tenant
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
LOAD, READS = Column(metrics.LOAD_1, ""), Column(metrics.DISK_READS, "sda")


def check(store: TenantStore) -> None:
    """Fail unless a store has what the old file had, with the values of each time."""
    at_ms = FIRST_MS + 1000 * np.arange(COUNT)
    for machine in ("web-1", "db-1"):
        found = {
            group: [(part.at_ms, part.columns) for part in history.read(store, machine, groups=[group])]
            for group in (LOAD.metric.group, READS.metric.group)
        }
        times = {group: np.concatenate([times for times, _ in parts]) for group, parts in found.items()}
        assert all(np.array_equal(each, at_ms) for each in times.values())
        loads = np.concatenate([columns[LOAD].numbers for _, columns in found[LOAD.metric.group]])
        reads = np.concatenate([columns[READS].numbers for _, columns in found[READS.metric.group]])
        assert np.array_equal(loads, at_ms // 1000 % 100 / 4)
        assert np.array_equal(reads, at_ms // 7)
        receipt = batches.find_receipt(store, batches.digest_of("csv", machine, b"2"))
        assert receipt is not None and receipt.duplicate


def version_of(path: Path) -> int:
    opened = sqlite3.connect(path)
    (version,) = opened.execute("PRAGMA user_version").fetchone()
    opened.close()
    return int(version)


def test_every_schema_before_this_one_is_tried() -> None:
    assert [path.stem for path in TENANTS] == [f"tenant-{number}" for number in range(1, len(tenant.MIGRATIONS))]
    assert [path.stem for path in REGISTRIES] == [f"registry-{number}" for number in range(1, len(registry.MIGRATIONS))]


@pytest.mark.parametrize("script", TENANTS, ids=lambda path: path.stem)
def test_an_old_tenant_has_all_that_it_had(data: Path, script: Path) -> None:
    path = write_tenant(data, script)

    with TenantStore(data, "team-a") as store:
        check(store)

    assert version_of(path) == len(tenant.MIGRATIONS)


@pytest.mark.parametrize("script", REGISTRIES, ids=lambda path: path.stem)
def test_an_old_registry_has_all_that_it_had(data: Path, script: Path) -> None:
    path = write_registry(data, script)

    with Registry(data) as opened:
        assert opened.tenants() == ["team-a", "team-b"]
        assert [(key["label"], bool(key["revoked_ms"])) for key in opened.keys(None)] == [
            ("first", True), ("second", False),
        ]  # fmt: skip
    assert version_of(path) == len(registry.MIGRATIONS)


@pytest.mark.parametrize(("what", "step"), [("signal=KILL", 1), ("error=ENOSPC", 4)])
@pytest.mark.parametrize("script", TENANTS, ids=lambda path: path.stem)
def test_cut_short_at_any_write_it_is_done_again(tmp_path: Path, script: Path, what: str, step: int) -> None:
    def prepare(place: Path) -> Callable[[], object]:
        write_tenant(place, script)
        return lambda: TenantStore(place, "team-a").close()

    def look(place: Path) -> str:
        with TenantStore(place, "team-a") as store:
            check(store)
        return "whole"

    points = [
        *sweep(prepare, look, "pwrite64", what, tmp_path, step),
        *sweep(prepare, look, "fsync,fdatasync", what, tmp_path, step),
    ]

    assert len(points) > 3
    assert [point for point in points if not point.ended.startswith(("killed", "refused", "done"))] == []


def test_a_newer_tenant_is_refused_and_left_as_it_is(data: Path, run_program: RunProgram) -> None:
    Registry(data).create_tenant("team-a")
    path = write_tenant(data, TENANTS[-1])
    opened = sqlite3.connect(path)
    opened.execute("PRAGMA user_version = 99")
    opened.close()
    before = path.read_bytes()

    with pytest.raises(BadConfiguration, match=r"written by a newer perfanalysis \(schema 99"):
        TenantStore(data, "team-a")
    done = run_program("report", "--data", data, "--output", "site")

    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert path.read_bytes() == before

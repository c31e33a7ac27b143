"""The percentile table is what anybody computes from the exported CSV with NumPy and pandas alone."""

import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from appliance.analysis import derived, statistics
from appliance.analysis.run import Run
from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
ROWS, EVERY_SECONDS, START = 10_200, 10, 1_767_225_600


def test_percentiles_equal_those_of_the_exported_csv(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    busy = np.round(random.gamma(2, 9, ROWS).clip(0, 99), 3)
    brought = pd.DataFrame(
        {
            "timestamp": START + EVERY_SECONDS * np.arange(ROWS), "machine_id": "m", "cpu_user": busy,
            "cpu_system": 0.5, "cpu_idle": np.round(99.5 - busy, 3).clip(0), "cpu_iowait": 0.0,
            "mem_total": 16_000_000, "mem_free": 1_000_000, "mem_available": random.integers(10**6, 10**7, ROWS),
        }
    )  # fmt: skip
    # A gap of a quarter of an hour.
    brought.drop(index=range(5000, 5090)).to_csv(tmp_path / "m.csv", index=False)
    assert run_program("import", "--data", data, tmp_path / "m.csv").returncode == 0

    exported = pd.read_csv(StringIO(run_program("export", "--data", data).stdout))
    with TenantStore(data, Registry(data, read_only=True).choose(None), read_only=True) as store:
        run = Run("m", history.read(store, "m"))
    span = (run.end_ms - run.start_ms) / 1000
    cpu = statistics.summarise(derived.cpu_shares(run)["busy"], derived.cpu_seconds(run), span)
    used = derived.memory_used(run)["percent"]
    memory = statistics.summarise(used, pd.Series(1.0, index=used.index), span)

    assert len(exported) == ROWS - 90
    shares = 100 - exported["cpu_idle"] - exported["cpu_iowait"]
    held = 100 * (1 - exported["mem_available"] / exported["mem_total"])
    for summary, expected in ((cpu, shares), (memory, held)):
        assert summary.n == len(expected) > 10_000
        for percent, value in summary.percentiles.items():
            assert value == pytest.approx(np.percentile(expected, percent), abs=1e-9, rel=1e-9)
        assert summary.maximum == pytest.approx(expected.max(), abs=1e-9)
        assert summary.maximum_at_ms == 1000 * exported["timestamp"][expected.idxmax()]
        assert summary.mean == pytest.approx(expected.mean(), abs=1e-9)

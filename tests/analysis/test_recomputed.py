"""The percentile table equals what anybody can compute with NumPy alone from the CSV that `export` writes."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.analysis.statistics import PERCENTILES, defensible, over, summarise
from appliance.formats import recording
from appliance.metrics import DISK_WRITTEN_BYTES, SENT_BYTES

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
Floats = npt.NDArray[np.float64]
EXACT = 1e-9
COUNTERS = (
    (DISK_WRITTEN_BYTES, "sda", "disk_sda_write_bytes"), (SENT_BYTES, "eth0", "net_eth0_tx_bytes"),
)  # fmt: skip


@pytest.fixture
def exported(run_program: RunProgram, data: Path, recordings: Path) -> dict[str, Floats]:
    """The columns of a recording's CSV, by name; text is left out."""
    path = recordings / "azure_b1s_cpu_then_io" / "host.json"
    assert run_program("import", "--data", data, "--machine-id", "web-1", path).returncode == 0
    done = run_program("export", "--data", data, "--machine-id", "web-1")
    assert done.returncode == 0, done.stderr
    header, *rows = csv.reader(done.stdout.splitlines())
    return {
        name: np.array([float(cell) for cell in column])
        for name, column in zip(header, zip(*rows, strict=True), strict=True)
        if name != "machine_id" and "" not in column
    }


@pytest.fixture
def run(recordings: Path) -> Run:
    parsed = recording.read(recordings / "azure_b1s_cpu_then_io" / "host.json")
    return Run("web-1", parsed.samples, parsed.facts)


def same(series: pd.Series, seconds: pd.Series, at: Floats, values: Floats) -> None:
    """Hold a summary against NumPy's own of the same values; all intervals are of one length."""
    length = np.diff(at)
    assert (length == length[0]).all()

    found = summarise(series, seconds, float(len(values) * length[0]))

    assert found.n == len(values) > 100
    assert found.coverage == pytest.approx(1.0)
    assert found.mean == pytest.approx(np.mean(values), rel=EXACT)
    assert (found.minimum, found.maximum) == pytest.approx((values.min(), values.max()), rel=EXACT)
    assert found.maximum_at_ms == round(at[values.argmax()] * 1000)
    shown = {percentile for percentile in PERCENTILES if len(values) * min(percentile, 100 - percentile) >= 1000}
    assert {25.0, 50.0, 75.0, 90.0} <= shown
    for percentile in PERCENTILES:
        expected = np.percentile(values, percentile, method="linear") if percentile in shown else None
        assert found.percentiles[percentile] == (None if expected is None else pytest.approx(expected, rel=EXACT))
        assert defensible(len(values), percentile) == (percentile in shown)


def test_shares_of_cpu_time(run: Run, exported: dict[str, Floats]) -> None:
    at, seconds = exported["timestamp"], derived.cpu_seconds(run)
    for mode in ("user", "system", "iowait", "idle"):
        series, values = derived.cpu_shares(run)[mode], exported[f"cpu_{mode}"]

        same(series, seconds, at, values)

        limit = float(np.median(values)) + 1e-6
        assert over(series, seconds, limit).total == pytest.approx((values >= limit).sum() * (at[1] - at[0]))


def test_rates_of_counters(run: Run, exported: dict[str, Floats]) -> None:
    """The first row of the CSV is the recording's second sample, so its first rate is at the third."""
    at = exported["timestamp"]
    for metric, instance, column in COUNTERS:
        series, counter = run.rates(metric)[instance].iloc[2:], exported[column]

        same(series, run.seconds(metric), at[1:], np.diff(counter) / np.diff(at))

        assert run.deltas(metric)[instance].iloc[2:].sum() == counter[-1] - counter[0] > 0

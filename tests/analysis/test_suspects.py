"""CPU time that was counted wrongly is marked, and small doubts are none."""

import numpy as np

from appliance import metrics
from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values

START_MS = 1_700_000_000_000


def counted(metric: Metric, instance: str, grown: list[int]) -> Samples:
    at_ms = START_MS + 10_000 * np.arange(len(grown) + 1)
    numbers = np.concatenate([[0], np.cumsum(grown)])
    return Samples("m", 0, metric.group, at_ms, {Column(metric, instance): Values(numbers)})


def test_more_cpu_time_than_the_cpus_have_is_suspect() -> None:
    uptime = counted(metrics.UPTIME_SECONDS, "", [1000] * 3)

    run = Run("m", [counted(metrics.CPU_IDLE, "all", [1000, 1040, 1100]), uptime], {"cpuinfo": {"total_cpus": 1}})

    assert derived.cpu_suspects(run).tolist() == [False, False, False, True]


def test_stamps_of_whole_seconds_make_no_suspect() -> None:
    """Without uptime an interval of 10 s may have been one of 11."""
    run = Run("m", [counted(metrics.DISK_BUSY, "sda", [10_900, 12_000])])

    assert run.suspects(metrics.DISK_BUSY)["sda"].tolist() == [False, False, True]


def test_shares_of_a_csv_that_are_not_all_of_the_time_are_suspect() -> None:
    columns = {
        Column(metric, ""): Values(np.array([100.0, 60.0] if mode == "idle" else [0.0, 0.0]))
        for mode, metric in metrics.CPU_SHARES.items()
    }
    run = Run("m", [Samples("m", 0, metrics.SHARE_IDLE.group, START_MS + 10_000 * np.arange(2), columns)])

    assert derived.cpu_suspects(run).tolist() == [False, True]

"""Rates above what a machine can do are kept, listed, and no maximum."""

import numpy as np
import pandas as pd

from appliance import metrics
from appliance.analysis import limits, statistics
from appliance.analysis.run import Run
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values

START_MS = 1_700_000_000_000
FACTS = {"interfaces": {"eth0": {"bits_per_second": 80_000}}}


def counted(metric: Metric, instance: str, grown: list[int]) -> Samples:
    at_ms = START_MS + 10_000 * np.arange(len(grown) + 1)
    numbers = np.concatenate([[0], np.cumsum(grown)])
    return Samples("m", 0, metric.group, at_ms, {Column(metric, instance): Values(numbers)})


def uptime(n: int) -> Samples:
    return counted(metrics.UPTIME_SECONDS, "", [1000] * n)


def test_a_rate_above_the_speed_of_the_link_is_listed_and_is_no_maximum() -> None:
    """10 000 bytes a second are the most; 5 % more may be a matter of measurement."""
    run = Run("m", [counted(metrics.RECEIVED_BYTES, "eth0", [90_000, 105_000, 110_000]), uptime(3)], FACTS)
    series, seconds = run.rates(metrics.RECEIVED_BYTES)["eth0"], run.seconds(metrics.RECEIVED_BYTES)

    found = limits.suspects(run)
    summary = statistics.summarise(series, seconds, 30, limits.marks(run, metrics.RECEIVED_BYTES)["eth0"])

    assert [(one.instance, one.at_ms - START_MS, one.rate, one.limit) for one in found] == [
        ("eth0", 30_000, 11_000.0, 10_000.0)
    ]
    assert (summary.n, summary.suspects) == (3, 1)
    assert (summary.maximum, summary.maximum_at_ms) == (10_500.0, START_MS + 20_000)
    assert series.max() == 11_000.0


def test_of_a_link_whose_speed_is_not_known_nothing_is_suspect() -> None:
    run = Run("m", [counted(metrics.RECEIVED_BYTES, "eth0", [10**12]), uptime(1)])

    assert limits.suspects(run) == []


def test_more_cpu_time_than_the_cpus_have_is_suspect() -> None:
    run = Run("m", [counted(metrics.CPU_IDLE, "all", [1000, 1100]), uptime(2)], {"cpuinfo": {"total_cpus": 1}})

    assert limits.cpu_marks(run).tolist() == [False, False, True]


def test_stamps_of_whole_seconds_make_no_suspect() -> None:
    """Without uptime an interval of 10 s may have been one of 11."""
    run = Run("m", [counted(metrics.DISK_BUSY, "sda", [10_900, 12_000])])

    assert [one.at_ms - START_MS for one in limits.suspects(run)] == [20_000]


def test_shares_of_a_csv_that_are_not_all_of_the_time_are_suspect() -> None:
    columns = {
        Column(metric, ""): Values(np.array([100.0, 60.0] if mode == "idle" else [0.0, 0.0]))
        for mode, metric in metrics.CPU_SHARES.items()
    }
    run = Run("m", [Samples("m", 0, metrics.SHARE_IDLE.group, START_MS + 10_000 * np.arange(2), columns)])

    assert limits.cpu_marks(run).tolist() == [False, True]


def test_the_last_percentile_leaves_out_what_is_suspect_and_needs_enough_others() -> None:
    values = pd.Series(np.arange(10_001.0))
    seconds, suspect = pd.Series(1.0, index=values.index), values >= 10_000

    one, two = (statistics.summarise(values, seconds, 10_001, marked) for marked in (suspect, values >= 9_999))

    assert one.percentiles[99.9] == np.percentile(np.arange(10_000.0), 99.9)
    assert two.percentiles[99.9] is None
    assert one.percentiles[50.0] == two.percentiles[50.0] == 5000.0

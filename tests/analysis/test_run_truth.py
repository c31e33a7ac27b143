"""What a run must not invent or lose: impossible rates, wraps, kills, changes, gaps, peaks, the order of imports."""

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import metrics
from appliance.analysis import statistics
from appliance.analysis.buckets import bucketed
from appliance.analysis.run import Run, among_all, long_ones
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values

START_MS = 1_700_000_000_000
TEN_SECONDS_MS = 10_000


def samples(metric: Metric, instance: str, numbers: list[int | None], run: int = 0, first: int = 0) -> Samples:
    """One column at ten seconds; None is a value that was not there."""
    at_ms = START_MS + TEN_SECONDS_MS * np.arange(first, first + len(numbers))
    present = np.array([number is not None for number in numbers])
    values = Values(np.array([number or 0 for number in numbers], np.int64), present)
    return Samples("m", run, metric.group, at_ms, {Column(metric, instance): values})


def told(run: Run, kind: str) -> list[str]:
    return [event.text for event in run.events if event.kind == kind]


def test_a_rate_above_the_speed_of_the_link_is_kept_marked_and_no_maximum() -> None:
    facts: dict[str, Any] = {"interfaces": {"eth0": {"bits_per_second": 80_000}}}
    received = samples(metrics.RECEIVED_BYTES, "eth0", [0, 50_000, 1_000_000, 1_090_000])

    run = Run("m", [received], facts)

    rates = run.rates(metrics.RECEIVED_BYTES)["eth0"]
    suspects = run.suspects(metrics.RECEIVED_BYTES)["eth0"]
    assert rates.tolist()[1:] == [5_000, 95_000, 9_000]
    assert suspects.tolist() == [False, False, True, False]
    summary = statistics.summarise(rates, run.seconds(metrics.RECEIVED_BYTES), 30, suspects)
    assert (summary.maximum, summary.maximum_at_ms, summary.suspects, summary.n) == (9_000, START_MS + 30_000, 1, 3)
    assert told(run, "suspect") == ["network_received_bytes_total of eth0 grew faster than is possible, once."]


def test_a_disk_made_anew_is_no_wrap_when_it_would_have_been_busy_for_longer_than_there_was_time() -> None:
    wrapped = samples(metrics.DISK_BUSY, "sda", [2**32 - 1000, 1000])
    made_anew = samples(metrics.DISK_BUSY, "sda", [2**31 + 5, 1000])

    assert Run("m", [wrapped]).rates(metrics.DISK_BUSY)["sda"].tolist()[1:] == [0.2]
    assert Run("m", [made_anew]).rates(metrics.DISK_BUSY)["sda"].isna().all()
    assert told(Run("m", [made_anew]), "reset") == ["The counters of sda started again."]


def test_what_grew_in_a_gap_has_an_average_apart_from_the_rates() -> None:
    numbers = [0, 10, 20, *[None] * 27, 320, 330]
    kept = samples(metrics.FORKS, "", [number for number in numbers if number is not None])
    at_ms = START_MS + TEN_SECONDS_MS * np.array([row for row, number in enumerate(numbers) if number is not None])
    run = Run("m", [Samples("m", 0, kept.group, at_ms, kept.columns)])

    assert run.rates(metrics.FORKS)[""].tolist()[1:3] == [1, 1]
    assert run.gap_rates(metrics.FORKS)[""].dropna().to_dict() == {int(at_ms[3]): pytest.approx(300 / 280)}


def test_a_gap_in_which_the_recorder_was_started_again_says_so() -> None:
    before, after = (samples(metrics.FORKS, "", [0, 1, 2, 3], run, first) for run, first in ((7, 0), (9, 100)))

    assert told(Run("m", [before, after]), "gap") == ["No samples: the recorder had ended, and was started again."]


def test_killed_processes_are_an_event_of_the_interval() -> None:
    run = Run("m", [samples(metrics.OOM_KILLS, "", [3, 3, 5, 6])])

    assert told(run, "kill") == [
        "The kernel killed 2 processes because memory ran out.",
        "The kernel killed 1 process because memory ran out.",
    ]


def test_mounts_that_come_and_go_are_events() -> None:
    run = Run("m", [samples(metrics.FILESYSTEM_SIZE, "/mnt", [None, 5, 5, None])])

    assert told(run, "change") == ["Mounts that came: /mnt.", "Mounts that went: /mnt."]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90 * 8640 - 1))
def test_one_sample_anywhere_in_ninety_days_is_the_maximum_of_its_bucket_and_of_all(row: int) -> None:
    series = pd.Series(np.full(90 * 8640, 1.0), index=START_MS + TEN_SECONDS_MS * np.arange(90 * 8640))
    series.iloc[row] = 100.0
    seconds = pd.Series(10.0, index=series.index)

    found = bucketed(series, seconds, 10_800)
    summary = statistics.summarise(series, seconds, 90 * 86_400)

    at = int(series.index[row])
    [bucket] = np.flatnonzero(found.maximum == 100.0).tolist()
    assert found.start_ms[bucket] < at <= found.end_ms[bucket]
    assert (summary.maximum, summary.maximum_at_ms) == (100.0, at)
    assert int(found.n.sum()) == len(series)


@given(st.lists(st.integers(0, 10**12), min_size=4, max_size=24), st.randoms(use_true_random=False))
def test_the_order_of_imports_does_not_matter(steps: list[int], random: Any) -> None:
    counter = np.cumsum(steps).tolist()
    cut = len(counter) // 2
    parts = [
        samples(metrics.RECEIVED_BYTES, "eth0", counter[:cut]),
        samples(metrics.RECEIVED_BYTES, "eth0", counter[cut:], first=cut),
        samples(metrics.FORKS, "", counter),
    ]
    random.shuffle(parts)

    run = Run("m", parts)

    assert run.totals(metrics.RECEIVED_BYTES)["eth0"] == counter[-1] - counter[0]
    for order in permutations(parts):
        assert run.rates(metrics.RECEIVED_BYTES).equals(Run("m", order).rates(metrics.RECEIVED_BYTES))


@given(st.lists(st.one_of(st.none(), st.integers(1, 1000)), min_size=2, max_size=40))
def test_what_is_missing_is_nowhere_zero_and_in_no_sum(growth: list[int | None]) -> None:
    """Every step is above zero: a rate of zero could only be invented."""
    counter, numbers = 0, []
    for step in growth:
        counter += step or 1
        numbers.append(counter if step is not None else None)
    known = [number for number in numbers if number is not None]

    run = Run("m", [samples(metrics.DISK_READS, "sda", numbers)])

    rates = run.rates(metrics.DISK_READS)["sda"].dropna()
    assert (rates > 0).all()
    total = run.totals(metrics.DISK_READS)["sda"]
    assert pd.isna(total) or 0 < total <= known[-1] - known[0]


@given(
    seconds=st.lists(st.sampled_from([1.0, 1.0, 1.0, 2.0, 2.6, 5.0, 60.0, 0.4, -3.0, float("nan")]), max_size=60),
)
def test_gaps_are_the_same_looked_at_one_by_one_and_all_at_once(seconds: list[float]) -> None:
    values = np.array(seconds, np.float64)

    assert (long_ones(values) == among_all(values)).all()

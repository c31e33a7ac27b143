"""Counters become rates once and truly: first samples, boots, resets, wraps, gaps and clock steps."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import metrics, recorder_metrics
from appliance.analysis.run import Run
from appliance.formats import recording
from appliance.measurement import Measurement
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values, from_measurements

START = 1_700_000_000


def one(metric: Metric, values: dict[float, int | None], instance: str = "", run: int = 0) -> Samples:
    """Samples of one column; None is a value that was not there."""
    at_ms = np.array([round((START + second) * 1000) for second in values], np.int64)
    numbers = np.array([number or 0 for number in values.values()], np.int64)
    present = np.array([number is not None for number in values.values()])
    return Samples("m", run, metric.group, at_ms, {Column(metric, instance): Values(numbers, present)})


def rates(metric: Metric, values: dict[float, int | None], *more: Samples, instance: str = "") -> list[float | None]:
    series = Run("m", [one(metric, values, instance), *more]).rates(metric)[instance]
    return [None if pd.isna(number) else float(number) for number in series]


def test_the_first_sample_has_no_rate() -> None:
    assert rates(metrics.FORKS, {0: 1000, 5: 1010, 10: 1010}) == [None, 2.0, 0.0]


def test_a_counter_that_fell_has_no_rate_and_is_an_event() -> None:
    values = {0: 1000, 5: 1010, 10: 3, 15: 8}

    run = Run("m", [one(metrics.RECEIVED_BYTES, values, "eth0")])

    assert rates(metrics.RECEIVED_BYTES, values, instance="eth0") == [None, 2.0, None, 1.0]
    assert [(event.kind, event.text) for event in run.events] == [("reset", "The counters of eth0 started again.")]


def test_a_boot_has_no_rate_even_where_the_counter_is_higher_than_before() -> None:
    booted = one(metrics.BOOT_TIME, {0: START - 100, 5: START - 100, 60: START + 10, 65: START + 10})

    run = Run("m", [one(metrics.FORKS, {0: 10, 5: 20, 60: 500, 65: 510}), booted])

    assert run.rates(metrics.FORKS)[""].isna().tolist() == [True, False, True, False]
    assert [event.kind for event in run.events] == ["boot"]


def test_a_corrected_clock_moves_the_boot_time_and_is_no_boot() -> None:
    booted = one(metrics.BOOT_TIME, {0: START - 100, 5: START - 95})

    assert rates(metrics.FORKS, {0: 10, 5: 20}, booted) == [None, 2.0]


def test_a_gap_has_no_rate_but_its_growth_counts() -> None:
    run = Run("m", [one(metrics.FORKS, {0: 0, 5: 5, 10: 10, 15: 15, 300: 300, 305: 305})])

    assert run.rates(metrics.FORKS)[""].isna().tolist() == [True, False, False, False, True, False]
    assert run.totals(metrics.FORKS)[""] == 305
    assert [(event.kind, event.end_ms - event.start_ms) for event in run.events] == [("gap", 285_000)]
    assert run.coverage == pytest.approx(20 / 305)


def test_a_longer_interval_from_now_on_is_no_gap() -> None:
    values: dict[float, int | None] = {second: second for second in [*range(0, 20), *range(20, 200, 10)]}

    assert Run("m", [one(metrics.FORKS, values)]).events == []


def test_a_device_that_appears_has_no_rate_at_first() -> None:
    assert rates(metrics.DISK_READS, {0: None, 5: 7, 10: 17}, instance="sdb") == [None, None, 2.0]


def test_a_device_that_was_away_has_no_rate_when_it_is_back() -> None:
    assert rates(metrics.DISK_READS, {0: 5, 5: None, 10: 25, 15: 30}, instance="sdb") == [None, None, None, 1.0]


def test_idle_time_may_step_back_a_little() -> None:
    assert rates(metrics.CPU_IOWAIT, {0: 1000, 5: 990, 10: 1490}, instance="all") == [None, 0.0, 1.0]


def test_a_32_bit_counter_wraps() -> None:
    values: dict[float, int | None] = {0: 2**32 - 1000, 5: 1000, 10: 6000}

    assert rates(metrics.DISK_BUSY, values, instance="sda") == [None, 0.4, 1.0]


def test_a_step_of_the_clock_does_not_change_rates() -> None:
    """The samples were five seconds apart, whatever the wall clock says."""
    uptime = one(metrics.UPTIME_SECONDS, {0: 10_000, 5: 10_500, 3610: 11_000, 3615: 11_500})

    run = Run("m", [one(metrics.FORKS, {0: 0, 5: 10, 3610: 20, 3615: 30}), uptime])

    assert run.rates(metrics.FORKS)[""].tolist()[1:] == [2.0, 2.0, 2.0]
    assert [(event.kind, event.text) for event in run.events] == [("clock", "The clock was set forward by 3 600.0 s.")]


def test_where_runs_overlap_the_later_has_the_word() -> None:
    run = Run("m", [one(metrics.TASKS, {0: 1, 5: 2}, run=7), one(metrics.TASKS, {5: 99, 10: 3})])

    assert run.values(metrics.TASKS)[""].tolist() == [1, 2, 3]


def test_what_was_not_collected_is_empty_and_not_zero() -> None:
    run = Run("m", [one(metrics.TASKS, {0: 1})])

    assert not run.has(metrics.FORKS)
    assert run.rates(metrics.DISK_READS).empty
    assert run.coverage is None
    assert run.interval_seconds is None


def test_a_gauge_has_no_rate() -> None:
    with pytest.raises(ValueError, match="no counter"):
        Run("m", []).deltas(metrics.TASKS)


@given(st.lists(st.integers(0, 10**15), min_size=2, max_size=40))
def test_sums_equal_the_differences_of_counters(steps: list[int]) -> None:
    counter = np.cumsum(steps).tolist()

    run = Run("m", [one(metrics.RECEIVED_BYTES, dict(zip(range(0, 5 * len(steps), 5), counter, strict=True)), "eth0")])

    assert run.totals(metrics.RECEIVED_BYTES)["eth0"] == pytest.approx(counter[-1] - counter[0], rel=1e-12)


@given(st.sets(st.integers(0, 39), max_size=38))
def test_removing_samples_never_turns_unknown_into_zero(removed: set[int]) -> None:
    whole = Run("m", [one(metrics.FORKS, {second * 5: second * 10 for second in range(40)})])
    kept = {second * 5: second * 10 for second in range(40) if second not in removed}

    series = Run("m", [one(metrics.FORKS, kept)]).rates(metrics.FORKS)[""]

    assert (whole.rates(metrics.FORKS)[""].dropna() == 2).all()
    assert (series.dropna() == 2).all()


def test_rates_of_a_recording_equal_those_of_its_text(recordings: Path) -> None:
    path = recordings / "azure_b1s_cpu_then_io" / "host.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written = [
        (record["timestamp"], 512 * int(line.split()[9]))
        for record in lines
        if record["subsystem"] == "/proc/diskstats"
        for line in record["measurement"].splitlines()
        if line.split()[2] == "sda"
    ]

    series = Run("m", recording.read(path).samples).rates(metrics.DISK_WRITTEN_BYTES)["sda"]

    expected = [(b - a) / (then - now) for (now, a), (then, b) in pairwise(written)]
    assert series.tolist()[1:] == pytest.approx(expected, rel=1e-12)
    assert len(series) == 180


def test_a_recorder_that_starts_again_is_no_reset_of_the_machine() -> None:
    def measurements(run: int, at: int) -> list[Measurement]:
        return [
            Measurement(at, "perfanalysis[meta]", f'{{"run":{run},"machine_id":"web-1"}}'),
            Measurement(at, "perfanalysis[self]", '{"cpu_us":100,"samples":0}\n'),
            Measurement(at + 1, "perfanalysis[self]", '{"cpu_us":900,"samples":1}\n'),
        ]

    parsed = from_measurements([*measurements(1, 1767977160), *measurements(2, 1767977162)], "")

    assert Run("web-1", parsed.samples).events == []


def test_containers_that_were_recorded_before_the_machine_are_no_missing_samples_of_it() -> None:
    own = one(metrics.FORKS, {second: second for second in range(60, 160, 10)})
    early = one(metrics.CONTAINER_CPU, {second: second for second in range(0, 150, 10)}, "0123")
    long_ago = one(metrics.CONTAINER_CPU, {-500: 1, -490: 2}, "0123")

    assert Run("m", [own, early]).coverage == 1.0
    assert Run("m", [own, early]).period == ((START + 60) * 1000, (START + 150) * 1000)
    assert Run("m", [early]).period == (START * 1000, (START + 140) * 1000)
    assert Run("m", [own, long_ago]).period == ((START - 500) * 1000, (START + 150) * 1000)


def test_a_step_of_the_clock_is_told_once_by_whom_it_was_seen() -> None:
    uptime = one(metrics.UPTIME_SECONDS, {0: 10_000, 10: 11_000, 80: 12_000, 90: 13_000})
    told = one(recorder_metrics.CLOCK_STEP, {80: 60_000})

    run = Run("m", [uptime, told])

    assert [(event.kind, event.text) for event in run.events] == [("clock", "The clock was set forward by 60.0 s.")]


def test_a_fall_that_is_too_far_for_a_wrap_is_a_counter_that_began_again() -> None:
    """A disk is busy for a second a second at most: 2**31 ms cannot pass in five."""
    values: dict[float, int | None] = {0: 2**31 + 5, 5: 0, 10: 5000}

    assert rates(metrics.DISK_BUSY, values, instance="sda") == [None, None, 1.0]
    assert [event.kind for event in Run("m", [one(metrics.DISK_BUSY, values, "sda")]).events] == ["reset"]


def test_intervals_are_measured_by_the_clock_that_nobody_sets() -> None:
    """Stamps of whole seconds say 10 and 11 s; the machine was up for 10.5 s each time."""
    uptime = one(metrics.UPTIME_SECONDS, {0: 10_000, 10: 11_050, 21: 12_100})

    run = Run("m", [one(metrics.FORKS, {0: 0, 10: 105, 21: 210}), uptime])

    assert run.rates(metrics.FORKS)[""].tolist()[1:] == [10.0, 10.0]
    assert run.events == []
    assert run.coverage == 1.0


def test_setting_the_clock_loses_no_coverage() -> None:
    uptime = one(metrics.UPTIME_SECONDS, {0: 10_000, 5: 10_500, 3610: 11_000, 3615: 11_500})

    assert Run("m", [uptime]).coverage == 1.0


def test_sums_of_time_are_exact_as_well() -> None:
    """A tenth of a second has no exact floating point number, and ten of them are one second all the same."""
    values: dict[float, int | None] = {second: 10 * second for second in range(1001)}

    assert Run("m", [one(metrics.CPU_USER, values, "all")]).totals(metrics.CPU_USER)["all"] == 100.0


def test_a_queue_of_requests_tells_a_wrap_of_their_time_from_a_disk_made_anew() -> None:
    """In five seconds 2**31 ms of waiting would take a queue of 400 000."""
    anew: dict[float, int | None] = {0: 2**31 + 5, 5: 0, 10: 5000}
    wrapped: dict[float, int | None] = {0: 2**32 - 5_000_000, 5: 5_000_000, 10: 5_005_000}

    assert rates(metrics.DISK_READ_TIME, anew, instance="sda") == [None, None, 1.0]
    assert rates(metrics.DISK_READ_TIME, wrapped, instance="sda") == [None, 2000.0, 1.0]

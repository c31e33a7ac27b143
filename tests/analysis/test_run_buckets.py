"""Buckets, hours of the week, days and distributions: civil edges, nothing lost, nothing invented."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.analysis import peers, statistics
from appliance.analysis.buckets import bucketed, edges, step
from appliance.analysis.days import days
from appliance.analysis.hours import hours_of_week

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def ms(*civil: int, zone: ZoneInfo = BERLIN) -> int:
    year, month, day, hour = (*civil, 0)[:4]
    return round(datetime(year, month, day, hour, tzinfo=zone).timestamp() * 1000)


def series(first_ms: int, last_ms: int, every_seconds: int = 600) -> tuple[pd.Series, pd.Series]:
    at_ms = np.arange(first_ms + every_seconds * 1000, last_ms + 1, every_seconds * 1000)
    values = pd.Series(np.arange(len(at_ms), dtype=np.float64), index=at_ms)
    return values, pd.Series(float(every_seconds), index=at_ms)


def test_a_day_in_which_clocks_go_back_has_25_hours() -> None:
    values, seconds = series(ms(2026, 10, 24), ms(2026, 10, 27))

    found = bucketed(values, seconds, 86_400, zone=BERLIN)

    assert found.start_ms.tolist() == [ms(2026, 10, 24), ms(2026, 10, 25), ms(2026, 10, 26)]
    assert found.expected_seconds.tolist() == [86_400, 90_000, 86_400]
    assert found.n.tolist() == [144, 150, 144]
    assert found.coverage.tolist() == [1, 1, 1]


@pytest.mark.parametrize("length", [300, 900, 3600, 10_800, 21_600, 86_400])
@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Sao_Paulo"), UTC])
def test_edges_cover_a_year_of_any_zone_without_overlap(length: int, zone: tzinfo) -> None:
    first, last = 1_767_225_600_123, 1_767_225_600_123 + 366 * DAY_MS

    found = edges(first, last, length, zone)

    assert found[0] < first <= found[1]
    assert found[-2] < last <= found[-1]
    lengths = set((np.diff(found) // 1000).tolist())
    assert lengths <= {length, length - 3600, length + 3600, 3600}


def test_a_bucket_of_which_half_is_missing_says_so_and_none_is_invented() -> None:
    values, seconds = series(0, 4 * HOUR_MS)
    values[(values.index > HOUR_MS // 2) & (values.index <= 2 * HOUR_MS)] = np.nan

    found = bucketed(values, seconds, 3600, period=(0, 4 * HOUR_MS))

    assert found.coverage.tolist() == [0.5, 0, 1, 1]
    assert found.n.tolist() == [3, 0, 6, 6]
    assert np.isnan([found.minimum[1], found.mean[1], found.low[1], found.high[1], found.maximum[1]]).all()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300))
def test_layers_of_a_bucket_are_in_order_and_percentiles_are_those_of_numpy(numbers: list[float]) -> None:
    at_ms = 10_000 * np.arange(1, len(numbers) + 1)

    found = bucketed(pd.Series(numbers, index=at_ms), pd.Series(10.0, index=at_ms), 60)

    for row, part in enumerate(np.split(np.array(numbers), range(6, len(numbers), 6))):
        expected = [part.min(), *np.percentile(part, [5, 95]), part.max()]
        layers = [found.minimum[row], found.low[row], found.high[row], found.maximum[row]]
        assert layers == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert found.mean[row] == pytest.approx(part.mean(), rel=1e-9, abs=1e-6)


def test_a_month_has_at_most_800_buckets() -> None:
    assert step(30 * 86_400) == 3600
    assert step(90 * 86_400) == 10_800


def test_a_job_of_mondays_stands_in_its_hour_of_the_zone_named() -> None:
    first, last = ms(2026, 10, 12), ms(2026, 11, 9)
    values, seconds = series(first, last)
    values[:] = 1.0
    for day in (12, 19, 26):
        start = ms(2026, 10, day, 2)
        values[(values.index > start) & (values.index <= start + HOUR_MS)] = 90.0
    # A gap that leaves an hour of Wednesdays less than half of its time.
    for day in (14, 21, 28):
        start = ms(2026, 10, day, 5)
        values[(values.index > start) & (values.index <= start + HOUR_MS)] = np.nan

    week = hours_of_week(values, seconds, (first, last), BERLIN)

    assert week is not None
    assert np.argwhere(week.values > 50).tolist() == [[0, 2]]
    assert np.isnan(week.values[2, 5])
    assert week.coverage[2, 5] == 0.25
    # The clocks went back on one of the four Sundays, so its hour from two to three was there twice.
    assert week.n[6, 2] == 5 * 6


def test_less_than_two_weeks_have_no_hours_of_the_week() -> None:
    values, seconds = series(0, 13 * DAY_MS)

    assert hours_of_week(values, seconds, (0, 13 * DAY_MS)) is None


def test_a_day_without_samples_is_not_known() -> None:
    at_ms = np.array([1000, 2 * DAY_MS + 1000], np.int64)

    assert [(str(day.day), day.sampled, day.worst) for day in days(at_ms, [])] == [
        ("1970-01-01", True, None), ("1970-01-02", False, None), ("1970-01-03", True, None),
    ]  # fmt: skip


@given(st.lists(st.floats(0, 100), min_size=1, max_size=600))
def test_a_distribution_rises_to_one_and_keeps_both_ends(numbers: list[float]) -> None:
    values = pd.Series(numbers, index=range(len(numbers)))

    points, share = statistics.distribution(values, pd.Series(1.0, index=values.index), 100)

    assert len(points) <= 100
    assert (points[0], points[-1], share[-1]) == (min(numbers), max(numbers), 1.0)
    assert (np.diff(points) > 0).all()
    assert (np.diff(share) > 0).all()


def test_one_machine_of_six_that_is_far_off_is_an_outlier_and_five_are_needed() -> None:
    values: dict[str, float | None] = {"a": 10, "b": 11, "c": 12, "d": 10.5, "e": 11.5, "f": 95, "g": None}

    assert [one.name for one in peers.outliers(values)] == ["f"]
    assert peers.outliers(values, floor=90) == []
    assert peers.outliers({name: values[name] for name in "acef"}) == []
    assert peers.outliers(dict.fromkeys("abcde", 5.0)) == []


def test_changes_are_of_what_is_known_of_both_periods_the_largest_first() -> None:
    before: dict[str, float | None] = {"a": 10, "b": 50, "c": None, "d": 5}
    now: dict[str, float | None] = {"a": 20, "b": 10, "c": 99, "d": 5.5, "e": 1}

    found = peers.changes(before, now, floor=1)

    assert [(one.name, one.difference) for one in found] == [("b", -40), ("a", 10)]

"""When it is busy: a percentile of each hour of the week, or of each hour of each day, in a named time zone."""

from dataclasses import dataclass
from datetime import UTC, date, tzinfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis.buckets import HOUR_SECONDS, edges
from appliance.analysis.statistics import weighted_percentiles

LEAST_DAYS, LEAST_COVERAGE = 14, 0.5
"""Fewer days show one weekday's accident as the habit of all of them."""
DAYS, HOURS = 7, 24


@dataclass(frozen=True, slots=True)
class Hours:
    """Rows by hour of the day; all of shape (rows, 24)."""

    values: npt.NDArray[np.float64]
    """The percentile, weighted by time; NaN where less than half the time has values."""
    coverage: npt.NDArray[np.float64]
    """The share of the expected time that has values, 0 to 1; 0 for an hour outside the period."""
    n: npt.NDArray[np.int64]


def hours_of_week(
    series: pd.Series, seconds: pd.Series, period: tuple[int, int], zone: tzinfo = UTC, percent: float = 95.0
) -> Hours | None:
    """
    Return a percentile for each hour of the week, Monday to Sunday; None for less than 14 days.

    `series` is indexed by Unix milliseconds and `seconds` are its weights; `period` is (first, last) in Unix
    milliseconds. An hour that a change of clocks repeats counts twice, and one that it skips is not expected.
    """
    if period[1] - period[0] < LEAST_DAYS * 86_400_000:
        return None
    every, local = hours_between(period, zone)
    return by_hour(series, seconds, period, every, np.asarray(local.day_of_week), local, DAYS, percent)


def hours_of_days(
    series: pd.Series, seconds: pd.Series, period: tuple[int, int], zone: tzinfo = UTC, percent: float = 95.0
) -> tuple[list[date], Hours]:
    """Return the days that a period touches, and a percentile for each of their hours; else as `hours_of_week`."""
    every, local = hours_between(period, zone)
    days = pd.Index(local.date)
    listed = list(dict.fromkeys(days))
    rows = np.asarray(pd.Index(listed).get_indexer(days))
    return listed, by_hour(series, seconds, period, every, rows, local, len(listed), percent)


def hours_between(period: tuple[int, int], zone: tzinfo) -> tuple[npt.NDArray[np.int64], pd.DatetimeIndex]:
    """Return the edges of the hours of a period, (n + 1,), and the local time at which each begins, (n,)."""
    every = edges(period[0] + 1, max(period[1], period[0] + 1), HOUR_SECONDS, zone)
    return every, pd.DatetimeIndex(pd.to_datetime(every[:-1], unit="ms", utc=True)).tz_convert(zone)


def by_hour(
    series: pd.Series,
    seconds: pd.Series,
    period: tuple[int, int],
    every: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    local: pd.DatetimeIndex,
    rows: int,
    percent: float,
) -> Hours:
    """Put the hours that begin at `every` into so many rows; `row` says of each hour in which one it is."""
    first_ms, last_ms = period
    cell_of = np.asarray(row * HOURS + local.hour, np.int64)
    inside = np.minimum(every[1:], last_ms) - np.maximum(every[:-1], first_ms)
    cells = rows * HOURS
    expected = np.bincount(cell_of, np.maximum(0, inside) / 1000, cells)
    weights = np.asarray(seconds.reindex(series.index), np.float64)
    values, at_ms = np.asarray(series, np.float64), np.asarray(series.index, np.int64)
    there = np.isfinite(values) & np.isfinite(weights) & (at_ms > first_ms) & (at_ms <= last_ms)
    values, weights, at_ms = values[there], weights[there], at_ms[there]
    cell = cell_of[np.searchsorted(every, at_ms, side="left") - 1]
    n = np.bincount(cell, minlength=cells)
    valid = np.bincount(cell, weights, cells)
    coverage = np.divide(valid, expected, out=np.zeros(cells), where=expected > 0).clip(0, 1)
    order = np.argsort(cell, kind="stable")
    found = np.full(cells, np.nan)
    for number, of_cell in enumerate(np.split(order, np.cumsum(n)[:-1])):
        if len(of_cell) and coverage[number] >= LEAST_COVERAGE:
            found[number] = weighted_percentiles(values[of_cell], weights[of_cell], (percent,))[0]
    shape = (rows, HOURS)
    return Hours(found.reshape(shape), coverage.reshape(shape), n.reshape(shape))

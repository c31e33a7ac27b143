"""When a week is busy: a percentile of each hour of the week, in a named time zone."""

from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis.buckets import HOUR_SECONDS, edges
from appliance.analysis.statistics import weighted_percentiles

LEAST_DAYS, LEAST_COVERAGE = 14, 0.5
"""Fewer days show one weekday's accident as the habit of all of them."""
DAYS, HOURS = 7, 24


@dataclass(frozen=True, slots=True)
class Week:
    """The hours of the week; all of shape (7, 24): Monday to Sunday by hour of the day."""

    values: npt.NDArray[np.float64]
    """The percentile, weighted by time; NaN where less than half the time has values."""
    coverage: npt.NDArray[np.float64]
    """The share of the expected time that has values, 0 to 1; 0 for an hour outside the period."""
    n: npt.NDArray[np.int64]


def hours_of_week(
    series: pd.Series, seconds: pd.Series, period: tuple[int, int], zone: tzinfo = UTC, percent: float = 95.0
) -> Week | None:
    """
    Return a percentile for each hour of the week; None for less than 14 days.

    `series` is indexed by Unix milliseconds and `seconds` are its weights; `period` is (first, last) in Unix
    milliseconds. An hour that a change of clocks repeats counts twice, and one that it skips is not expected.
    """
    first_ms, last_ms = period
    if last_ms - first_ms < LEAST_DAYS * 86_400_000:
        return None
    every = edges(first_ms + 1, last_ms, HOUR_SECONDS, zone)
    local = pd.DatetimeIndex(pd.to_datetime(every[:-1], unit="ms", utc=True)).tz_convert(zone)
    cell_of = np.asarray(local.day_of_week * HOURS + local.hour, np.int64)
    inside = np.minimum(every[1:], last_ms) - np.maximum(every[:-1], first_ms)
    cells = DAYS * HOURS
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
    for number, rows in enumerate(np.split(order, np.cumsum(n)[:-1])):
        if len(rows) and coverage[number] >= LEAST_COVERAGE:
            found[number] = weighted_percentiles(values[rows], weights[rows], (percent,))[0]
    shape = (DAYS, HOURS)
    return Week(found.reshape(shape), coverage.reshape(shape), n.reshape(shape))

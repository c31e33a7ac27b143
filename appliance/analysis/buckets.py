"""
Many values in few buckets, with nothing averaged away: minimum, p5, mean, p95, maximum, number and expected time.

Buckets have civil lengths and edges in the report's time zone, so that a picture stays when a later sample arrives.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

MAX_BUCKETS = 800
STEPS_SECONDS = (5, 10, 15, 30, 60, 300, 900, 3600, 10_800, 21_600, 86_400)
"""Below a minute for short runs at one second; days are the end, then their multiples."""
DAY_SECONDS, HOUR_SECONDS = 86_400, 3600

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series in buckets, from the first that has a value to the last; all of shape (n,), NaN where there is none."""

    start_ms: Times
    end_ms: Times
    """A value belongs to the interval that ends at its time: start < time <= end."""
    minimum: Floats
    low: Floats
    """5th percentile of the values."""
    mean: Floats
    """Weighted by time."""
    high: Floats
    """95th percentile of the values."""
    maximum: Floats
    n: Times
    """Values."""
    valid_seconds: Floats
    """What the values cover."""
    expected_seconds: Floats
    """What they would cover without a gap: the part of the bucket inside the period. A civil day may have 25 hours."""
    step_seconds: int

    @property
    def coverage(self) -> Floats:
        """The share of each bucket's expected time that has values, 0 to 1; 0 where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self.valid_seconds / self.expected_seconds
        return np.nan_to_num(np.clip(share, 0.0, 1.0))


def step(span_seconds: float, most: int = MAX_BUCKETS) -> int:
    """Return the shortest civil length of which at most so many buckets cover a span, in seconds."""
    for length in STEPS_SECONDS:
        if span_seconds / length <= most - 1:
            return length
    return (int(span_seconds // ((most - 1) * DAY_SECONDS)) + 1) * DAY_SECONDS


def bucketed(
    series: pd.Series,
    seconds: pd.Series,
    step_seconds: int,
    period: tuple[int, int] | None = None,
    zone: tzinfo = UTC,
) -> Buckets:
    """
    Put a series (indexed by Unix milliseconds, NaN left out) into buckets; `seconds` are its weights.

    `period` is (first, last) in Unix milliseconds: outside of it nothing is expected. Without it, all of a bucket is.
    """
    there = series.notna().to_numpy()
    at_ms, values = np.asarray(series.index, np.int64)[there], np.asarray(series, np.float64)[there]
    aligned = seconds if seconds.index is series.index else seconds.reindex(series.index)
    weights = np.nan_to_num(np.asarray(aligned, np.float64)[there])
    if not len(values):
        none, never = np.empty(0), np.empty(0, np.int64)
        return Buckets(never, never, none, none, none, none, none, never, none, none, step_seconds)
    every = edges(int(at_ms[0]), int(at_ms[-1]), step_seconds, zone)
    number = np.searchsorted(every, at_ms, side="left") - 1
    first = int(number[0])
    bucket, start_ms, end_ms = number - first, every[first:-1], every[first + 1 :]
    count = int(bucket[-1]) + 1
    start_ms, end_ms = start_ms[:count], end_ms[:count]
    n = np.bincount(bucket, minlength=count)
    weight = np.bincount(bucket, weights, count).astype(np.float64)
    ordered = sorted_rows(values, bucket, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight > 0, np.bincount(bucket, weights * values, count) / weight, np.nan)
    begin, end = (
        (start_ms, end_ms) if period is None else (np.maximum(start_ms, period[0]), np.minimum(end_ms, period[1]))
    )
    expected = np.maximum(0, end - begin).astype(np.float64) / 1000
    return Buckets(
        start_ms, end_ms, percentile(ordered, n, 0), percentile(ordered, n, 5), mean, percentile(ordered, n, 95),
        percentile(ordered, n, 100), n, weight, expected, step_seconds,
    )  # fmt: skip


@lru_cache(maxsize=64)
def edges(first_ms: int, last_ms: int, step_seconds: int, zone: tzinfo = UTC) -> Times:
    """Return the edges of civil buckets, in Unix milliseconds, the first before and the last not before some times."""
    if zone is UTC:
        step_ms = step_seconds * 1000
        return np.arange(-(-first_ms // step_ms) - 1, -(-last_ms // step_ms) + 1) * step_ms
    days = max(1, step_seconds // DAY_SECONDS)
    number = datetime.fromtimestamp((first_ms - 1) / 1000, zone).date().toordinal()
    midnights = [midnight(number := number - number % days, zone)]
    while midnights[-1] < last_ms:
        midnights.append(midnight(number := number + days, zone))
    found: list[int] = midnights if step_seconds >= DAY_SECONDS else []
    for begin, end in pairwise(midnights if step_seconds < DAY_SECONDS else []):
        if step_seconds <= HOUR_SECONDS:
            found += range(begin, end, step_seconds * 1000)
        else:
            day = datetime.fromtimestamp(begin / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
            of_day = range(0, DAY_SECONDS, step_seconds)
            found += [begin, *(round((day + timedelta(seconds=at)).timestamp() * 1000) for at in of_day if at)]
    every = np.unique(np.array([*found, midnights[-1]], np.int64))
    return every[np.searchsorted(every, first_ms) - 1 : np.searchsorted(every, last_ms) + 1]


def midnight(ordinal: int, zone: tzinfo) -> int:
    day = date.fromordinal(ordinal)
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def sorted_rows(values: Floats, bucket: Times, n: Times) -> Floats:
    """Return the values of each bucket in a row, in order, filled up with NaN: sorting short rows is fast."""
    first = np.concatenate([[0], np.cumsum(n)[:-1]])
    rows = np.full((len(n), int(n.max())), np.nan)
    rows[bucket, np.arange(len(values)) - first[bucket]] = values
    rows.sort(axis=1)
    return rows


def percentile(ordered: Floats, n: Times, percent: float) -> Floats:
    """Return a percentile of each row, interpolated as NumPy's "linear"; NaN where a row is empty."""
    place = np.maximum(n - 1, 0) * (percent / 100)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    row = np.arange(len(n))
    low, high = ordered[row, below], ordered[row, above]
    return np.asarray(low + (high - low) * (place - below))

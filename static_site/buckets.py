"""
Many samples in few columns, with nothing averaged away: mean, 5th and 95th percentile and maximum of each bucket.

Buckets have civil lengths and edges (UTC), so that a picture does not change when a later sample arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from static_site.times import Span

MAX_BUCKETS = 800
STEPS_SECONDS = (5, 10, 15, 30, 60, 300, 900, 3600, 10_800, 21_600, 86_400)
"""Below a minute for short runs at one second; days are the end, then their multiples."""

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Gap = tuple[int, int]
"""(the last sample before, the first after), in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What is drawn of a series; all of shape (n,). NaN breaks the line."""

    at_ms: Floats
    mean: Floats
    low: Floats
    """5th percentile."""
    high: Floats
    """95th percentile."""
    most: Floats
    """Maximum."""
    coverage: Floats
    """The share of each bucket that has samples."""
    step_seconds: int | None
    """Length of a bucket; None where the samples themselves are drawn, and all layers are the same."""


def layers(series: pd.Series, seconds: pd.Series, gaps: Sequence[Gap], span: Span, most: int = MAX_BUCKETS) -> Layers:
    """Return the samples of a series if they fit, else their buckets; `seconds` are the weights of the samples."""
    if len(series) <= most:
        return samples(series, gaps)
    return bucketed(series, seconds, step(span, most))


def step(span: Span, most: int = MAX_BUCKETS) -> int:
    """Return the shortest civil length of which at most so many buckets cover a span, in seconds."""
    for length in STEPS_SECONDS:
        if span.seconds / length <= most - 1:
            return length
    days = int(span.seconds // ((most - 1) * 86_400)) + 1
    return days * 86_400


def samples(series: pd.Series, gaps: Sequence[Gap]) -> Layers:
    """Return the samples as they are, with a break in every gap."""
    at_ms, values = np.asarray(series.index, np.float64), np.asarray(series, np.float64)
    rows = np.searchsorted(at_ms, [after for _, after in gaps])
    at_ms = np.insert(at_ms, rows, [(before + after) / 2 for before, after in gaps])
    values = np.insert(values, rows, np.nan)
    return Layers(at_ms, values, values, values, values, np.ones(len(values)), None)


def bucketed(series: pd.Series, seconds: pd.Series, step_seconds: int) -> Layers:
    """Return the buckets of a series; one without a value is NaN and breaks the line."""
    there = series.notna().to_numpy()
    at_ms, values = np.asarray(series.index, np.int64)[there], np.asarray(series, np.float64)[there]
    weights = np.asarray(seconds.reindex(series.index).fillna(0), np.float64)[there]
    step_ms = step_seconds * 1000
    if not len(values):
        empty = np.empty(0)
        return Layers(empty, empty, empty, empty, empty, empty, step_seconds)
    # A value is of the interval that ends at its time: one at an edge belongs to the bucket before it.
    number = -(-at_ms // step_ms) - 1
    bucket = number - number[0]
    count = int(bucket[-1]) + 1
    n = np.bincount(bucket, minlength=count)
    weight = np.bincount(bucket, weights, count)
    ordered = sorted_rows(values, bucket, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(bucket, weights * values, count) / weight
    return Layers(
        (number[0] + np.arange(count) + 0.5) * step_ms,
        np.where(weight > 0, mean, np.nan),
        percentile(ordered, n, 5),
        percentile(ordered, n, 95),
        percentile(ordered, n, 100),
        np.minimum(1.0, weight / step_seconds),
        step_seconds,
    )


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

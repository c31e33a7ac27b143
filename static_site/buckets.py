"""What is drawn of a series: its samples where they fit, else its buckets as `analysis.buckets` computes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis import buckets
from static_site.times import Span

MAX_BUCKETS = buckets.MAX_BUCKETS

Floats = npt.NDArray[np.float64]
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
    return buckets.step(span.seconds, most)


def samples(series: pd.Series, gaps: Sequence[Gap]) -> Layers:
    """Return the samples as they are, with a break in every gap."""
    at_ms, values = np.asarray(series.index, np.float64), np.asarray(series, np.float64)
    rows = np.searchsorted(at_ms, [after for _, after in gaps])
    at_ms = np.insert(at_ms, rows, [(before + after) / 2 for before, after in gaps])
    values = np.insert(values, rows, np.nan)
    return Layers(at_ms, values, values, values, values, np.ones(len(values)), None)


def bucketed(series: pd.Series, seconds: pd.Series, step_seconds: int) -> Layers:
    """Return the buckets of a series; one without a value is NaN and breaks the line."""
    found = buckets.bucketed(series, seconds, step_seconds)
    middle = (found.start_ms + found.end_ms) / 2
    return Layers(middle, found.mean, found.low, found.high, found.maximum, found.coverage, step_seconds)

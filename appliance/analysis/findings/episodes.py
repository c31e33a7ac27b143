"""Episodes: the stretches of a series that were over a limit long enough to matter."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from appliance.analysis.findings.finding import Evidence

LEAST_SAMPLES = 5
LEAST_SECONDS = 60.0
"""Fewer than five samples or a minute is a burst: every machine has them, and none needs an admin."""


@dataclass(frozen=True, slots=True)
class Episode:
    start_ms: int
    """The beginning of the first interval over the limit."""
    end_ms: int
    series: pd.Series
    """The values from the first to the last over the limit."""
    mean: float
    """Weighted by time."""

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.start_ms) / 1000

    def evidence(self, whole: pd.Series, title: str, unit: str, limit: float | None) -> Evidence:
        """Return the proof of a finding about this episode, with the series that it is a part of."""
        return Evidence(title, unit, limit, whole, float(self.series.max()), int(self.series.idxmax()))


def episodes(
    series: pd.Series, seconds: pd.Series, enter: float, leave: float, least_seconds: float = LEAST_SECONDS
) -> Iterator[Episode]:
    """
    Give the episodes of a series (indexed by Unix milliseconds) that reach `enter` and stay at or above `leave`.

    A value that is not known ends an episode: nothing is said of time without samples.
    """
    values = np.asarray(series, np.float64)
    weights = np.asarray(seconds.reindex(series.index), np.float64)
    with np.errstate(invalid="ignore"):
        inside = (values >= leave) & np.isfinite(weights)
        reached = (values >= enter) & inside
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
    for first, after in edges.reshape(-1, 2).tolist():
        length = float(weights[first:after].sum())
        if after - first < LEAST_SAMPLES or length < least_seconds or not reached[first:after].any():
            continue
        start_ms = int(series.index[first]) - round(weights[first] * 1000)
        mean = float(np.average(values[first:after], weights=weights[first:after]))
        yield Episode(start_ms, int(series.index[after - 1]), series.iloc[first:after], mean)

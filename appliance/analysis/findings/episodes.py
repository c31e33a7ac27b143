"""Episodes: the stretches of a series that were over a limit long enough to matter."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis.findings.finding import Evidence

LEAST_SAMPLES, LEAST_SECONDS = 5, 60.0
"""Fewer than five samples or a minute is a burst: every machine has them, and none needs an admin."""
FEW_SAMPLES, LONG_SECONDS = 2, 300.0
"""Where samples are minutes apart, five minutes are enough."""
DIP_SECONDS = 30.0
"""So long a dip, or one sample of it, does not end an episode: its mean must stay above the lower limit."""
HOLD_SECONDS = 900.0
"""So long an episode goes on between its limits without reaching the upper one again."""
LEAST_REACHED = 0.25
"""Of an episode's samples, this share reaches the upper limit: one peak on a high plateau is none."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A series with its name, as evidence shows it."""

    title: str
    unit: str
    series: pd.Series
    seconds: pd.Series


@dataclass(frozen=True, slots=True)
class Episode:
    start_ms: int
    """The beginning of the first interval over the limit."""
    end_ms: int
    mean: float
    """Weighted by time."""
    rows: slice
    """Where in the whole series it is."""
    whole: pd.Series

    @property
    def series(self) -> pd.Series:
        """The values from the first to the last over the limit."""
        return self.whole.iloc[self.rows]

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
    Give the episodes of a series (indexed by Unix milliseconds): from the first value that reaches `enter` to the last.

    Between those, values stay at or above `leave`, but for short dips. A value that is not known ends an episode:
    nothing is said of time without samples.
    """
    values = np.asarray(series, np.float64)
    with np.errstate(invalid="ignore"):
        reached = values >= enter
    if not reached.any():
        return
    weights = np.asarray(seconds if seconds.index is series.index else seconds.reindex(series.index), np.float64)
    known = np.isfinite(values) & np.isfinite(weights)
    at, at_ms = np.flatnonzero(reached & known), series.index.to_numpy()
    for begun, ended in stretches(at, values, weights, known, leave):
        first, last = begun, ended
        # It began and ended within an interval, which was partly over the limit: one each is taken.
        if first > 0 and known[first - 1] and values[first - 1] >= leave:
            first -= 1
        if last + 1 < len(values) and known[last + 1] and values[last + 1] >= leave:
            last += 1
        within = slice(first, last + 1)
        length = float(weights[within].sum())
        count = last + 1 - first
        enough = count >= LEAST_SAMPLES or (count >= FEW_SAMPLES and length >= LONG_SECONDS)
        if not enough or length < least_seconds or reached[within].mean() < LEAST_REACHED:
            continue
        mean = float(np.average(values[within], weights=weights[within]))
        if mean < leave:
            continue
        start_ms = int(at_ms[first]) - round(weights[first] * 1000)
        yield Episode(start_ms, int(at_ms[last]), mean, within, series)


def stretches(
    at: npt.NDArray[np.intp], values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64],
    known: npt.NDArray[np.bool_], leave: float,
) -> list[tuple[int, int]]:  # fmt: skip
    """Join the rows that reach the upper limit to stretches, each given by its first and last row."""
    if not len(at):
        return []
    below = known & (values < leave)
    length = np.cumsum(np.where(known, weights, 0.0))
    dipped = np.cumsum(np.where(below, weights, 0.0))
    dips, unknown = np.cumsum(below), np.cumsum(~known)
    before, after = at[:-1], at[1:]
    joined = (
        (unknown[after] == unknown[before])
        & ((dips[after] - dips[before] <= 1) | (dipped[after] - dipped[before] <= DIP_SECONDS))
        & (length[after] - length[before] <= np.maximum(HOLD_SECONDS, 10 * weights[after]))
    )
    ends = np.flatnonzero(~joined)
    firsts, lasts = at[np.concatenate([[0], ends + 1])], at[np.concatenate([ends, [len(at) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

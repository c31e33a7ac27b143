"""Statistics of a series of intervals: percentiles weighted by time, and which of them can be defended."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.9)
EXTREME = 99.9
ENOUGH_IN_TAIL = 10
"""A percentile is shown if this many intervals lie beyond it: p95 needs 200, p99 1,000."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """What can be said of a series; None is "too few samples", never zero."""

    n: int
    """Intervals with a value."""
    coverage: float | None
    """The share of the span of time that they cover, 0 to 1."""
    mean: float | None
    percentiles: dict[float, float | None]
    minimum: float | None
    maximum: float | None
    maximum_at_ms: int | None
    suspects: int = 0
    """Values that are not possible: they count in n and mean, but in neither the maximum nor p99.9."""


def summarise(series: pd.Series, seconds: pd.Series, span_seconds: float, suspect: pd.Series | None = None) -> Summary:
    """
    Summarise values indexed by Unix milliseconds, each weighted by its interval's seconds; NaN is left out.

    Percentiles follow `weighted_percentiles`; one is None unless ENOUGH_IN_TAIL intervals lie beyond it.
    `suspect` says which values are not possible (`Run.suspects`).
    """
    weights = seconds.reindex(series.index)
    there = series.notna() & weights.notna()
    values, weights = np.asarray(series[there], np.float64), np.asarray(weights[there], np.float64)
    n = len(values)
    if n == 0:
        return Summary(0, 0.0 if span_seconds > 0 else None, None, dict.fromkeys(PERCENTILES), None, None, None)
    exact = weighted_percentiles(values, weights, PERCENTILES)
    shown = {
        percentile: value if defensible(n, percentile) else None
        for percentile, value in zip(PERCENTILES, exact, strict=True)
    }
    doubtful = np.zeros(n, bool)
    if suspect is not None:
        doubtful = np.asarray(suspect.reindex(series.index[there], fill_value=False), bool)
    possible = np.flatnonzero(~doubtful)
    if len(possible) < n and shown[EXTREME] is not None:
        kept = len(possible) and defensible(len(possible), EXTREME)
        shown[EXTREME] = weighted_percentiles(values[possible], weights[possible], (EXTREME,))[0] if kept else None
    highest = int(possible[np.argmax(values[possible])]) if len(possible) else None
    return Summary(
        n,
        min(1.0, float(weights.sum()) / span_seconds) if span_seconds > 0 else None,
        float(np.average(values, weights=weights)),
        shown,
        float(values.min()),
        None if highest is None else float(values[highest]),
        None if highest is None else int(series.index[there][highest]),
        n - len(possible),
    )


@dataclass(frozen=True, slots=True)
class Over:
    """How long a series was at or over a limit, in seconds."""

    total: float
    longest: float
    """Without a value below the limit, or an unknown one, in between."""


def over(series: pd.Series, seconds: pd.Series, limit: float) -> Over:
    """Add up the intervals (seconds, the weights) whose value reaches a limit; what is not known is not over it."""
    values, weights = np.asarray(series, np.float64), np.asarray(seconds.reindex(series.index), np.float64)
    with np.errstate(invalid="ignore"):
        reached = (values >= limit) & np.isfinite(weights)
    stretch = np.cumsum(~reached)
    lengths = np.bincount(stretch[reached], weights[reached])
    return Over(float(weights[reached].sum()), float(lengths.max()) if len(lengths) else 0.0)


def distribution(series: pd.Series, seconds: pd.Series, most: int = 200) -> tuple[Floats, Floats]:
    """
    Return the points (values, share of time at or below) of a distribution function, each (n,), n <= most.

    Every value counts by its seconds; NaN is left out. The smallest and the largest value are always among them.
    """
    weights = np.asarray(seconds.reindex(series.index), np.float64)
    values = np.asarray(series, np.float64)
    there = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    order = np.argsort(values[there], kind="stable")
    ordered, share = values[there][order], np.cumsum(weights[there][order])
    if not len(ordered):
        return np.empty(0), np.empty(0)
    last = np.flatnonzero(np.append(np.diff(ordered) > 0, True))
    ordered, share = ordered[last], share[last] / share[-1]
    if len(ordered) > most:
        rows = np.searchsorted(share, np.linspace(share[0], 1.0, most))
        rows[-1] = len(ordered) - 1
        rows = np.unique(rows)
        ordered, share = ordered[rows], share[rows]
    return ordered, share


def defensible(n: int, percentile: float) -> bool:
    """Say whether enough intervals lie beyond a percentile, on its shorter side."""
    # Rounded, because 200 * (100 - 95) / 100 must be 10 and not a little less.
    return round(n * min(percentile, 100 - percentile) / 100, 6) >= ENOUGH_IN_TAIL


def weighted_percentiles(values: Floats, weights: Floats, percentiles: tuple[float, ...]) -> list[float]:
    """
    Interpolate percentiles of weighted values, shape (n,), n > 0.

    A value stands at (weight before it) / (all weight less its own): with equal weights these are the places of
    Hyndman and Fan's type 7, which NumPy calls "linear".
    """
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    if len(values) == 1 or weights[1:].sum() <= 0:
        return [float(values[-1])] * len(percentiles)
    # The mean of neighbours' weights lies between their places: equal weights give i / (n - 1).
    places = np.concatenate([[0.0], np.cumsum((weights[1:] + weights[:-1]) / 2)])
    return [float(number) for number in np.interp(np.array(percentiles) / 100, places / places[-1], values)]

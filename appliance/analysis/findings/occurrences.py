"""Occurrences: a counter of what should never happen, grown; those near to each other are told as one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

TOGETHER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Occurrence:
    start_ms: int
    """The beginning of the first interval in which the counter grew."""
    end_ms: int
    count: float
    most: float
    """In one interval."""
    most_at_ms: int


def occurrences(
    grown: pd.Series, seconds: pd.Series, together_seconds: float = TOGETHER_SECONDS
) -> Iterator[Occurrence]:
    """Give the occurrences of a counter, from its growth in each interval."""
    values = np.asarray(grown, np.float64)
    at_ms = np.asarray(grown.index, np.int64)
    rows = np.flatnonzero(values > 0)
    if not len(rows):
        return
    apart = np.flatnonzero(np.diff(at_ms[rows]) > together_seconds * 1000) + 1
    for part in np.split(rows, apart):
        first, last = int(part[0]), int(part[-1])
        length = float(seconds.iloc[first])
        start_ms = int(at_ms[first]) - (round(length * 1000) if np.isfinite(length) else 0)
        most = int(part[np.argmax(values[part])])
        yield Occurrence(start_ms, int(at_ms[last]), float(values[part].sum()), float(values[most]), int(at_ms[most]))

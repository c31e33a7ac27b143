"""Times and durations as text: UTC, ISO dates, no words that depend on when they are read."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from appliance.analysis import wording
from static_site.units import joined

Floats = npt.NDArray[np.float64]

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends inside."""

    start_ms: int
    end_ms: int

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.start_ms) / 1000

    @property
    def one_day(self) -> bool:
        return self.start_ms // DAY_MS == self.end_ms // DAY_MS


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def date(at_ms: int) -> str:
    return f"{moment(at_ms):%Y-%m-%d}"


def clock(at_ms: int) -> str:
    return f"{moment(at_ms):%H:%M:%S}"


def at(at_ms: int, within: Span) -> str:
    """Write a time as short as the span it lies in allows: the date only where there is more than one."""
    return clock(at_ms) if within.one_day else f"{date(at_ms)} {clock(at_ms)}"


def stretch(start_ms: int, end_ms: int) -> str:
    """Write a span with its zone, as 2026-01-06 22:19:52 to 22:34:47 UTC."""
    if start_ms == end_ms:
        return f"{date(start_ms)} {clock(start_ms)} UTC"
    end = clock(end_ms) if Span(start_ms, end_ms).one_day else f"{date(end_ms)} {clock(end_ms)}"
    return f"{date(start_ms)} {clock(start_ms)} to {end} UTC"


def duration(seconds: float) -> str:
    """Write a length of time with its two largest units, as 5 min 45 s."""
    return joined(wording.duration(seconds))


def interval(seconds: Floats) -> str:
    """Write the usual lengths of intervals (NaN is none) as an adjective: 5-second, 1-minute, 5-second to 1-minute."""
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return "single"
    low, middle, high = np.percentile(known, [5, 50, 95]).tolist()
    # Timers are late by a little: that is no other interval.
    return adjective(middle) if high - low <= 0.25 * middle else f"{adjective(low)} to {adjective(high)}"


def adjective(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and round(seconds) % size == 0:
            return f"{round(seconds) // size}-{unit}"
    return f"{wording.three_digits(seconds)}-second"

"""The machine's clocks against each other: what shows that it slept, or that somebody set the time."""

import time
from collections.abc import Iterator
from typing import Any

STEP_SECONDS = 0.5
"""A wall clock that moves less against the monotonic one was slewed or read with a pause between the two."""
READING_SECONDS = 0.01


def clock_offset() -> float:
    """Return the wall clock less the monotonic one, read again where something came between the two."""
    for _ in range(10):
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < READING_SECONDS:
            break
    return wall - before


def slept_seconds() -> float:
    """Return how long the machine has slept since it started: the monotonic clock stands still meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()


class Clocks:
    def __init__(self, offset: float, slept: float) -> None:
        self.offset, self.slept = offset, slept

    def events(self, offset: float, slept: float) -> Iterator[dict[str, Any]]:
        """Give what happened since the last time; a sleep moves the wall clock, too, but nobody set it."""
        asleep = slept - self.slept
        stepped = offset - self.offset - asleep
        if asleep >= STEP_SECONDS:
            yield {"kind": "suspend", "milliseconds": round(asleep * 1000)}
        if abs(stepped) >= STEP_SECONDS:
            yield {"kind": "clock", "milliseconds": round(stepped * 1000)}
        # Slewing adds up slowly: only what happens between two ticks is a step.
        self.offset, self.slept = offset, slept

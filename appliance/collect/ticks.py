"""
When to sample: a grid of ticks on the monotonic clock, so that nothing drifts and no step of the wall clock counts.

From one second up, ticks fall on whole seconds of the wall clock: then rounding a timestamp is never off by one.
"""

import math

from appliance.collect.clocks import STEP_SECONDS

TOLERANCE = 0.1
"""Taken later than this share of the interval, a sample's timestamp would be false, and with it every rate."""
TOLERANCE_SECONDS = 0.005
"""What a busy machine needs to wake us, however short the interval."""


class Ticks:
    def __init__(self, interval_seconds: float, duration_seconds: float, monotonic: float, offset: float) -> None:
        """
        Begin at the next whole second (or millisecond, below one second) after `monotonic`.

        A duration D has D/interval intervals and one tick more: both ends are sampled. 0 is for ever.
        """
        self.interval = interval_seconds
        self.unit_ms = 1000 if interval_seconds >= 1 else 1
        self.offset = offset
        """The wall clock less the monotonic one."""
        self.first_ms = math.ceil((monotonic + offset) * 1000 / self.unit_ms) * self.unit_ms
        self.first_due = self.first_ms / 1000 - offset
        self.number = 0
        self.last = math.floor(duration_seconds / interval_seconds + 1e-9) if duration_seconds else math.inf

    @property
    def over(self) -> bool:
        return self.number > self.last

    @property
    def due(self) -> float:
        """When the next tick is, on the monotonic clock."""
        return self.first_due + self.number * self.interval

    def skip_late(self, monotonic: float) -> int:
        """Go to the next tick that can still be kept and return how many cannot."""
        too_late = monotonic - self.due - max(self.interval * TOLERANCE, TOLERANCE_SECONDS)
        if too_late <= 0:
            return 0
        missed = int(min(math.ceil(too_late / self.interval), self.last + 1 - self.number))
        self.number += missed
        return missed

    def timestamp(self, offset: float) -> int | float:
        """Return the wall time that the next tick has, given by how much the clocks differ now."""
        step_ms = round((offset - self.offset) * 1000 / self.unit_ms) * self.unit_ms
        if abs(step_ms) >= STEP_SECONDS * 1000:
            self.first_ms += step_ms
            self.offset += step_ms / 1000
        at_ms = self.first_ms + round(self.number * self.interval * 1000)
        return at_ms // 1000 if self.unit_ms == 1000 else at_ms / 1000

    def taken(self) -> None:
        self.number += 1

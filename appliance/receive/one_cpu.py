"""
One CPU at a time: all threads of the receiver run on the same one, which is the one that others use least.

Python lets one thread work at a time. On several CPUs each short wait, for a socket or the disk, hands that right to a
thread that another CPU must wake first: some forty times a request, which takes twice the CPU time of the request.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 1.0
MUCH_BETTER = 0.25
"""By how much of its time another CPU must be used less, before it is worth to leave the present one."""
IDLE_FIELDS = (3, 4)
"""Of a line of /proc/stat: idle, and waiting for the disk."""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

logger = logging.getLogger("perfanalysis.receive")


class OneCpu:
    """Keeps the process on one of the CPUs that it may use, from the first `look` on."""

    def __init__(
        self, busy_seconds: Callable[[], Mapping[int, float]] | None = None,
        own_seconds: Callable[[], float] = time.process_time,
        place: Callable[[set[int]], None] | None = None,
    ) -> None:  # fmt: skip
        """`busy_seconds` tells how long each CPU was used, `place` has all threads run on some CPUs."""
        self.busy_seconds, self.own_seconds = busy_seconds or busy_cpus, own_seconds
        self.place = place or place_threads
        self.allowed = os.sched_getaffinity(0)
        self.at: int | None = None
        """The CPU that we are on."""
        self.next_look = float("-inf")
        self.before: tuple[float, Mapping[int, float], float] | None = None

    def look(self, now: float) -> None:
        """Look how busy the CPUs are, at most once a second, and move where another one is much less so."""
        if now < self.next_look or len(self.allowed) < 2:
            return
        self.next_look = now + LOOK_SECONDS
        try:
            self.choose(now)
        except (OSError, ValueError) as error:
            # A machine that does not say, or a container whose CPUs were changed: then on any of them.
            logger.info("the receiver runs on any CPU: %s", error)
            with suppress(OSError):
                self.place(self.allowed)
            self.allowed = set()

    def choose(self, now: float) -> None:
        busy, own = self.busy_seconds(), self.own_seconds()
        before, self.before = self.before, (now, busy, own)
        if before is None:
            return
        seconds = now - before[0]
        others = {
            cpu: (busy[cpu] - before[1].get(cpu, busy[cpu])) / seconds for cpu in sorted(self.allowed & busy.keys())
        }
        if self.at in others:
            others[self.at] -= (own - before[2]) / seconds
        best = min(others, key=lambda cpu: others[cpu])
        if self.at not in others or others[best] < others[self.at] - MUCH_BETTER:
            self.place({best})
            self.at = best


def busy_cpus() -> dict[int, float]:
    """Return how many seconds each CPU was used since the machine started."""
    found = {}
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            ticks = [int(number) for number in numbers[:8]]
            found[int(name[3:])] = (sum(ticks) - sum(ticks[at] for at in IDLE_FIELDS)) / CLOCK_TICKS
    return found


def place_threads(cpus: set[int]) -> None:
    """Have all threads of this process run on some CPUs; those that they start do as they do."""
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208
        # One may have ended.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), cpus)

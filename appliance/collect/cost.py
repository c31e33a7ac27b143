"""What a process costs by now, as the system counts it: for those who watch a recorder from outside."""

from typing import NamedTuple

import psutil

EARLIER_SECONDS = 60
"""A recorder begins to record soon after its process began; a process that began later has got its pid."""


class Cost(NamedTuple):
    cpu_seconds: float
    memory_bytes: int
    """Resident."""


def of(pid: int, started: float) -> Cost | None:
    """Return the cost of the process that had this pid at a Unix time; None if it is gone, or not ours to see."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if not started - EARLIER_SECONDS <= process.create_time() <= started + 1:
                return None
            used = process.cpu_times()
            return Cost(used.user + used.system, process.memory_info().rss)
    except psutil.Error:
        return None

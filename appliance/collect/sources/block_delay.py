"""
block_delay[*], by option: how long processes waited for disks, summed over them, one JSON object.

The kernel keeps it of each thread, where it is told to (`kernel.task_delayacct`), and shows in /proc/PID/stat that of
the first one. It counts for tasks that were started since it was told to. What a process waited between its last look
and its end is not known.
"""

import errno
import json
import os
import time
from collections.abc import Callable

from appliance.collect.process import READ_BYTES, read_bytes
from appliance.collect.sources import NOT_NOW, Source

SUBSYSTEM = "block_delay[*]"
SWITCH = "sys/kernel/task_delayacct"
LOOKS_A_SECOND, MOST_LOOKS = 200, 4000
"""How many processes are looked at: some 1.2 ms of a CPU each second, and 25 ms at most after minutes."""
SHORTEST_SECONDS = 0.95
LIMIT_SECONDS = 0.5
START, DELAY = 19, 39
"""Fields of /proc/PID/stat behind the name, from 0."""


def source(root: str, monotonic: Callable[[], float] = time.monotonic) -> Source:
    delays = Delays(root)
    before: float | None = None

    def read() -> str | dict[str, str]:
        nonlocal before
        now = monotonic()
        if before is not None and now - before < SHORTEST_SECONDS:
            return NOT_NOW
        looks = MOST_LOOKS if before is None else min(round(LOOKS_A_SECOND * max(1.0, now - before)), MOST_LOOKS)
        before = now
        return json.dumps(delays.sample(looks), separators=(",", ":")) + "\n"

    return Source(SUBSYSTEM, read, limit_seconds=LIMIT_SECONDS)


class Delays:
    """What each process had waited when it was looked at last, and what was waited since all were first looked at."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.known: dict[str, tuple[bytes, int]] = {}
        """When each process was started, and its ticks."""
        self.unread: set[str] = set()
        """Who could not be looked at, and is perhaps older than it seems."""
        self.turns: list[str] = []
        """Whom to look at in this round, the last first."""
        self.rounds = 0
        self.ticks = 0
        self.counted = False
        """A process is known that waited at all."""

    def sample(self, looks: int) -> dict[str, int]:
        """Look at so many processes at most, at nobody twice, and return the record."""
        self.demand_count()
        if not self.turns:
            self.begin_round()
        for _ in range(min(looks, len(self.turns))):
            self.look(self.turns.pop())
        if not self.counted:
            raise OSError(errno.EOPNOTSUPP, "no process waited for a disk yet, or the kernel does not count it")
        return {"ticks": self.ticks, "processes": len(self.known), "not_looked_at": len(self.turns)}

    def demand_count(self) -> None:
        """
        Raise OSError where the kernel does not count, because it would show zeros.

        Before Linux 5.14 nothing says whether it does: then the first wait of a process shows it.
        """
        try:
            switch = read_bytes(f"{self.root}/{SWITCH}", READ_BYTES).strip()
        except FileNotFoundError:
            return
        if switch == b"0":
            # What is waited until it counts again, nobody knows: all begin anew then.
            self.known, self.turns, self.rounds, self.counted = {}, [], 0, False
            raise OSError(
                errno.EOPNOTSUPP,
                "the kernel does not count it: kernel.task_delayacct is 0 (`sysctl kernel.task_delayacct=1`)",
            )
        self.counted = True

    def begin_round(self) -> None:
        """List who is there. Of these the oldest come first: they have waited, where waits are counted at all."""
        present = sorted((name for name in os.listdir(self.root) if name.isdigit()), key=int, reverse=True)  # noqa: PTH208
        self.known = {pid: self.known[pid] for pid in present if pid in self.known}
        self.unread.intersection_update(present)
        self.turns, self.rounds = present, self.rounds + 1

    def look(self, pid: str) -> None:
        """Add what a process waited: since it was looked at before, or since its start if that was after the first."""
        try:
            text = read_bytes(f"{self.root}/{pid}/stat")
            fields = text[text.rindex(b")") + 2 :].split(None, DELAY + 1)
            start, ticks = fields[START], int(fields[DELAY])
        except (FileNotFoundError, ProcessLookupError):
            self.known.pop(pid, None)
            return
        except (OSError, ValueError, IndexError):
            self.known.pop(pid, None)
            self.unread.add(pid)
            return
        self.counted |= ticks > 0
        known = self.known.get(pid)
        if known is not None:
            self.ticks += max(0, ticks - known[1]) if known[0] == start else ticks
        elif self.rounds > 1 and pid not in self.unread:
            self.ticks += ticks
        self.unread.discard(pid)
        self.known[pid] = start, ticks

"""Samples that wait in memory, where there is no disk to wait on: bounded, and the oldest go first when it is full."""

import time
from collections import deque
from typing import NamedTuple

from appliance.ship import batch
from appliance.ship.batch import Batch

MAX_BYTES = 16 << 20
"""Half an hour of a small machine at one second."""


class Waiting(NamedTuple):
    number: int
    run: int
    lines: bytes
    since: float
    """On the monotonic clock."""


class Queue:
    """Not for more than one thread at a time: the sender has a lock for it."""

    def __init__(self, machine: str, max_bytes: int = MAX_BYTES) -> None:
        self.machine, self.max_bytes = machine, max_bytes
        self.waiting: deque[Waiting] = deque()
        self.bytes = 0
        self.number = 0
        """Of the last sample."""
        self.dropped = 0
        """Samples that found no place."""

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def since(self) -> float | None:
        """When the oldest one came, on the monotonic clock."""
        return self.waiting[0].since if self.waiting else None

    def put(self, run: int, lines: bytes) -> list[Waiting]:
        """Take a sample and return those that had to go for it."""
        self.number += 1
        self.waiting.append(Waiting(self.number, run, lines, time.monotonic()))
        self.bytes += len(lines)
        gone = []
        while self.bytes > self.max_bytes:
            gone.append(self.waiting.popleft())
            self.bytes -= len(gone[-1].lines)
        self.dropped += len(gone)
        return gone

    def batch(self, limit: int) -> Batch | None:
        """Return the oldest samples, at most `limit`, which stay until they are removed; None where none waits."""
        if not self.waiting:
            return None
        first = self.waiting[0]
        samples: list[bytes] = []
        size, last = 0, first.number
        for sample in self.waiting:
            size += len(sample.lines)
            if samples and (len(samples) >= limit or sample.run != first.run or size > batch.MAX_BYTES):
                break
            samples.append(sample.lines)
            last = sample.number
        return Batch(self.machine, first.run, samples, last)

    def remove(self, last: int) -> None:
        """Forget the samples up to a number; those that were dropped meanwhile are gone already."""
        while self.waiting and self.waiting[0].number <= last:
            self.bytes -= len(self.waiting.popleft().lines)

    def close(self) -> None:
        """Nothing is left of it."""

    def state(self) -> dict[str, int]:
        """Return what there is to know of it, in numbers."""
        since = self.since
        return {
            "spool_samples": len(self),
            "spool_bytes": self.bytes,
            "spool_oldest_seconds": 0 if since is None else int(time.monotonic() - since),
            "spool_on_disk": 0,
            "spool_skipped": 0,
            "dropped": self.dropped,
        }

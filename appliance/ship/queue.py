"""Samples that wait to be sent, in memory: bounded, and the oldest go first when it is full."""

import time
from collections import deque
from dataclasses import dataclass

MAX_BYTES = 16 << 20
"""Half an hour of a small machine at one second."""
MAX_BATCH_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Waiting:
    number: int
    run: int
    lines: bytes
    since: float
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Batch:
    run: int
    samples: list[bytes]
    """The lines of each, of one run, in the order they were taken."""
    last: int
    """The number of the last one: what `remove` wants when the batch is done with."""


class Queue:
    """Not for more than one thread at a time: the sender has a lock for it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.waiting: deque[Waiting] = deque()
        self.bytes = 0
        self.number = 0
        self.dropped = 0
        """Samples that found no place."""

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def since(self) -> float | None:
        """When the oldest one came, on the monotonic clock."""
        return self.waiting[0].since if self.waiting else None

    def put(self, run: int, lines: bytes) -> None:
        self.number += 1
        self.waiting.append(Waiting(self.number, run, lines, time.monotonic()))
        self.bytes += len(lines)
        while self.bytes > self.max_bytes:
            self.bytes -= len(self.waiting.popleft().lines)
            self.dropped += 1

    def batch(self, limit: int) -> Batch:
        """Return the oldest samples, at least one and at most `limit`, which stay until they are removed."""
        first = self.waiting[0]
        samples: list[bytes] = []
        size, last = 0, first.number
        for sample in self.waiting:
            size += len(sample.lines)
            if samples and (len(samples) >= limit or sample.run != first.run or size > MAX_BATCH_BYTES):
                break
            samples.append(sample.lines)
            last = sample.number
        return Batch(first.run, samples, last)

    def remove(self, last: int) -> None:
        """Forget the samples up to a number; those that were dropped meanwhile are gone already."""
        while self.waiting and self.waiting[0].number <= last:
            self.bytes -= len(self.waiting.popleft().lines)

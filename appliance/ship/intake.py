"""
Takes samples from the recorder at once and hands them on in a thread of its own: a slow disk never delays sampling.

What it has taken and not handed on is in memory: usually nothing, and never more than some megabytes.
"""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

MAX_BYTES = 16 << 20


class Intake(threading.Thread):
    def __init__(self, sinks: Sequence[Callable[[int, bytes], object]], max_bytes: int = MAX_BYTES) -> None:
        """Hand each sample to each of the sinks, in order."""
        super().__init__(name="intake", daemon=True)
        self.sinks, self.max_bytes = sinks, max_bytes
        # Not a condition: to wait for one and to wake who waits costs as much as to write the sample.
        self.samples: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        """What was not handed on yet; None is the end."""
        self.lock = threading.Lock()
        self.bytes = 0
        self.dropped = 0
        """Samples that had to go, the oldest first, since the disk was slow for too long."""
        self.defect: Exception | None = None

    def put(self, run: int, lines: bytes) -> bool:
        """Take a sample; say whether others had to go for it, so that the next one must be complete on its own."""
        if self.defect is not None:
            raise self.defect
        self.count(len(lines))
        self.samples.put((run, lines))
        before = self.dropped
        while self.bytes > self.max_bytes and self.next(wait=False) is not None:
            self.dropped += 1
        return self.dropped > before

    def finish(self, seconds: float) -> int:
        """Wait until all is handed on, but not longer; return how many are left, or raise what went wrong meanwhile."""
        self.samples.put(None)
        self.join(seconds)
        if self.defect is not None:
            raise self.defect
        return max(0, self.samples.qsize() - 1)

    def run(self) -> None:
        try:
            while (taken := self.next(wait=True)) is not None:
                for sink in self.sinks:
                    sink(*taken)
        except Exception as error:  # noqa: BLE001
            # The thread's boundary: the recorder's thread raises it at the next sample.
            self.defect = error

    def next(self, *, wait: bool) -> tuple[int, bytes] | None:
        """Take the oldest sample; None when all is over, or when there is none and nobody waits for it."""
        try:
            taken = self.samples.get(wait)
        except Empty:
            return None
        if taken is not None:
            self.count(-len(taken[1]))
        return taken

    def count(self, size: int) -> None:
        with self.lock:
            self.bytes += size

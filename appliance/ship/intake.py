"""
Takes samples from the recorder at once and hands them on in a thread of its own: a slow disk never delays sampling.

What it has taken and not handed on is in memory: usually nothing, and never more than some megabytes.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

MAX_BYTES = 16 << 20


class Intake(threading.Thread):
    def __init__(self, sinks: Sequence[Callable[[int, bytes], object]], max_bytes: int = MAX_BYTES) -> None:
        """Hand each sample to each of the sinks, in order."""
        super().__init__(name="intake", daemon=True)
        self.sinks, self.max_bytes = sinks, max_bytes
        self.changed = threading.Condition()
        self.samples: deque[tuple[int, bytes]] = deque()
        self.bytes = 0
        self.dropped = 0
        """Samples that had to go, the oldest first, since the disk was slow for too long."""
        self.over = False
        self.defect: Exception | None = None

    def put(self, run: int, lines: bytes) -> bool:
        """Take a sample; say whether others had to go for it, so that the next one must be complete on its own."""
        if self.defect is not None:
            raise self.defect
        with self.changed:
            self.samples.append((run, lines))
            self.bytes += len(lines)
            before = self.dropped
            while self.bytes > self.max_bytes:
                self.bytes -= len(self.samples.popleft()[1])
                self.dropped += 1
            self.changed.notify()
            return self.dropped > before

    def finish(self, seconds: float) -> None:
        """Wait until all is handed on, but not longer; raise what went wrong meanwhile."""
        with self.changed:
            self.over = True
            self.changed.notify()
        self.join(seconds)
        if self.defect is not None:
            raise self.defect

    def run(self) -> None:
        try:
            while (taken := self.next()) is not None:
                for sink in self.sinks:
                    sink(*taken)
        except Exception as error:  # noqa: BLE001
            # The thread's boundary: the recorder's thread raises it at the next sample.
            self.defect = error

    def next(self) -> tuple[int, bytes] | None:
        """Wait for a sample; None when all is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.samples or self.over)
            if not self.samples:
                return None
            run, lines = self.samples.popleft()
            self.bytes -= len(lines)
            return run, lines

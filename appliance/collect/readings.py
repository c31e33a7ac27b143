"""
The readings of a sample: each source is read in turn, and one that fails costs itself only.

A thread may get stuck in a source (a file of a FUSE file system, a driver that waits): then another goes on with the
sources that are left. Each thread has a baton: it lays it down before it reads a source and takes it up afterwards.
Who finds that it lies too long takes it away, and the thread, if it ever comes back, knows that it was left behind.
"""

import logging
import time
from collections.abc import Iterator, Sequence

from appliance.collect.sources import MOST_BYTES, NOT_NOW, Source
from appliance.collect.troubles import Troubles
from appliance.measurement import line_text

logger = logging.getLogger(__name__)

Baton = list[tuple[Source, int]]
"""Empty in the hand of its thread; where it lies, the source that is read and since when, in nanoseconds."""


class Readings:
    def __init__(self, sources: Sequence[Source], troubles: Troubles, spent_ns: dict[str, int]) -> None:
        self.sources, self.troubles = sources, troubles
        self.spent_ns = spent_ns
        """Time that reading each source took, which is added to."""
        self.left: Iterator[Source] = iter(())
        """The sources of this sample that are not read yet."""
        self.start, self.lines = "", list[str]()
        self.baton: Baton = []
        self.stuck: list[Source] = []
        """Those that a thread does not come back from."""
        self.due = 0.0
        """When reading is to begin the next time, on the monotonic clock of the machine."""
        self.cut: dict[str, int] = {}
        """Of which sources the last lines were left out, and how many."""
        self.ended = False
        """Nobody waits for further samples."""

    def begin(self, start: str) -> None:
        """Begin a sample whose lines start so."""
        self.start, self.lines, self.left = start, [], iter(self.sources)

    def rest(self, seconds: float) -> None:
        """Say how long it is until the next sample."""
        self.due = time.monotonic() + seconds

    def read(self) -> bool:
        """Read the sources that are left; False: this thread was left behind and must touch nothing any more."""
        self.baton = baton = Baton()
        troubles, spent_ns, start = self.troubles, self.spent_ns, self.start
        before = time.perf_counter_ns()
        for source in self.left:
            subsystem = source.subsystem
            if troubles.waits(subsystem):
                continue
            if self.stuck and source in self.stuck:
                troubles.failed(subsystem, no_answer())
                continue
            text, failure = None, None
            baton.append((source, before))
            try:
                text = source.read()
            except Exception as error:  # noqa: BLE001
                # The loop's boundary: whatever is wrong with one source, the others and the next tick go on.
                failure = error
            try:
                baton.pop()
            except IndexError:
                # What it said comes too late, and it must not think that it was told.
                source.again()
                self.stuck.remove(source)
                return False
            if failure is not None:
                troubles.failed(subsystem, failure)
            elif text is not NOT_NOW:
                troubles.worked(subsystem)
                if isinstance(text, dict):
                    self.lines += [line_text(start, name, each) for name, each in text.items()]
                elif text is not None:
                    if len(text) > MOST_BYTES or subsystem in self.cut:
                        text = self.shortened(subsystem, text)
                    self.lines.append(line_text(start, subsystem, text))
            now = time.perf_counter_ns()
            spent_ns[subsystem] = spent_ns.get(subsystem, 0) + now - before
            before = now
        return True

    def shortened(self, subsystem: str, text: str) -> str:
        """Return the whole lines of a text that there is room for, and note how many there is none for."""
        end = text.rfind("\n", 0, MOST_BYTES) + 1 if len(text) > MOST_BYTES else len(text)
        if lines := text.count("\n", end):
            if subsystem not in self.cut:
                logger.warning("%s is too long: its last %d lines are not recorded.", subsystem, lines)
            self.cut[subsystem] = lines
        else:
            del self.cut[subsystem]
        return text[:end]

    def leave_behind(self, baton: Baton) -> bool:
        """Take away the baton of a thread that is stuck, so that another may read; False: it took it up just now."""
        try:
            source, since = baton.pop()
        except IndexError:
            return False
        self.stuck.append(source)
        self.troubles.failed(source.subsystem, no_answer())
        spent = time.perf_counter_ns() - since
        self.spent_ns[source.subsystem] = self.spent_ns.get(source.subsystem, 0) + spent
        return True


def no_answer() -> TimeoutError:
    return TimeoutError("it does not answer")

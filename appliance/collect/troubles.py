"""What cannot be read at present: told once when it begins and once when it is over, and counted."""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 60
"""How often to look for what never was there: a module may be loaded later, and every look costs."""


class Troubles:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.failing: dict[str, str] = {}
        """What is not read at present, and why."""
        self.known: set[str] = set()
        self.absent: dict[str, float] = {}
        """What never was there, and when to look for it again."""
        self.counts: dict[str, int] = {}
        """How many readings of each were lost."""

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def waits(self, what: str) -> bool:
        """Say whether it is too early to look for something that was not there."""
        return what in self.absent and self.clock() < self.absent[what]

    def failed(self, what: str, error: Exception) -> None:
        """Note that a reading failed. A file that never was there is a kernel's choice: no loss, no reason to warn."""
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError)) and what not in self.known
        if absent:
            self.absent[what] = self.clock() + LOOK_AGAIN_SECONDS
        else:
            self.counts[what] = self.counts.get(what, 0) + 1
        if what not in self.failing:
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.failing[what] = said or type(error).__name__
            logger.log(logging.INFO if absent else logging.WARNING, "%s is not recorded: %s.", what, self.failing[what])

    def worked(self, what: str) -> None:
        if what in self.failing:
            del self.failing[what]
            self.absent.pop(what, None)
            logger.warning("%s is recorded %s.", what, "again" if what in self.known else "from now on")
        self.known.add(what)

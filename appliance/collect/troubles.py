"""What cannot be read at present: told once when it begins and once when it is over, and counted."""

import logging

logger = logging.getLogger(__name__)


class Troubles:
    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.known: set[str] = set()
        self.count = 0
        """How many readings were lost."""

    def failed(self, what: str, error: Exception) -> None:
        """Count a reading that failed. A file that never was there is a kernel's choice and no reason to warn."""
        self.count += 1
        if what not in self.failing:
            self.failing.add(what)
            absent = isinstance(error, FileNotFoundError) and what not in self.known
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            logger.log(
                logging.INFO if absent else logging.WARNING,
                "%s is not recorded: %s.", what, reason or type(error).__name__,
            )  # fmt: skip

    def worked(self, what: str) -> None:
        self.known.add(what)
        if what in self.failing:
            self.failing.remove(what)
            logger.warning("%s is recorded again.", what)

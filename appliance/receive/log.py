"""The receiver's log, on standard error: a line an event, whatever was sent, and never a key."""

import logging
import re
import threading
import time
from collections import OrderedDict
from typing import IO, Any, NamedTuple

logger = logging.getLogger("perfanalysis.receive")

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
KEY = re.compile(r"(pa1_[0-9a-f]{1,12})[0-9a-z_]*")
MAX_LINE = 2048
REPEATED_SECONDS, REMEMBERED = 60, 100


class Request(NamedTuple):
    """A request that was answered, as it is logged."""

    address: str
    method: str
    path: str
    status: str
    bytes_sent: str | None
    seconds: float
    tenant: str | None
    key_id: str | None
    bytes_received: str | None
    agent: str | None


class Repeated(logging.Filter):
    """Lets a warning or error through once a minute, then with the number of its like that it held back."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """By what was said when that was, and how many of its like were held back since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        # Errors with a number of their own are alike if they are the same exception.
        error = record.exc_info[1] if record.exc_info else None
        held_back = self.held_back(record.getMessage() if error is None else repr(error)[:200], record.created)
        if held_back is None:
            # The number is what a sender asks about: its line stays, what explains it has been written.
            record.exc_info = None
            return error is not None
        if held_back:
            record.msg, record.args = f"{record.getMessage()} (and {held_back} times before)", ()
        return True

    def held_back(self, said: str, now: float) -> int | None:
        """Return how many of its like were held back before this one, or None if this one is to be."""
        with self.lock:
            then, count = self.seen.pop(said, (now - REPEATED_SECONDS, 0))
            again = now - then < REPEATED_SECONDS
            self.seen[said] = (then, count + 1) if again else (now, 0)
            if len(self.seen) > REMEMBERED:
                self.seen.popitem(last=False)
            return None if again else count


class OneLine(logging.Formatter):
    """Make control characters visible; the lines of a traceback are indented, so that none looks like an event."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return clean(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(f"    {clean(line)}" for line in super().formatException(ei).splitlines())


def configure(level: str, stream: IO[str]) -> None:
    """Log to a stream what is at least of a level: "debug", "info", "warning" or "error"."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    handler.addFilter(Repeated())
    for name in ("perfanalysis", "waitress"):
        logging.getLogger(name).handlers = [handler]
        logging.getLogger(name).setLevel(LEVELS[level])
        logging.getLogger(name).propagate = False
    # It warns at every request that waits, which under load is every request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def request(request: Request) -> None:
    """Log an answer."""
    logger.info(
        "%s %s %s %s bytes %.0f ms %s",
        request.method, request.path, request.status, request.bytes_sent or "?", request.seconds * 1000,
        request.tenant or "-",
    )  # fmt: skip


def clean(line: str) -> str:
    visible = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
    return hidden(visible)[:MAX_LINE]


def hidden(text: str) -> str:
    """Return a text with what is secret of the keys in it left out."""
    return KEY.sub(r"\1...", text)

"""The receiver's log, on standard error: a line an event, whatever was sent, and never a key."""

import logging
import re
import time
from collections.abc import Mapping
from typing import IO, Any

logger = logging.getLogger("perfanalysis.receive")

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
KEY = re.compile(r"(pa1_[0-9a-f]{1,12})[0-9a-z_]*")
MAX_LINE = 2048


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
    for name in ("perfanalysis", "waitress"):
        logging.getLogger(name).handlers = [handler]
        logging.getLogger(name).setLevel(LEVELS[level])
        logging.getLogger(name).propagate = False
    # It warns at every request that waits, which under load is every request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def request(method: str, path: str, status: str, headers: Mapping[str, str], started: float, tenant: str) -> None:
    """Log an answer; `started` is a time of `time.monotonic`."""
    logger.info(
        "%s %s %s %s bytes %.0f ms %s",
        method, path, status.partition(" ")[0], headers.get("Content-Length", "?"),
        (time.monotonic() - started) * 1000, tenant or "-",
    )  # fmt: skip


def clean(line: str) -> str:
    visible = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
    return KEY.sub(r"\1...", visible)[:MAX_LINE]

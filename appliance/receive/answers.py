"""Answers: to what goes wrong in the one shape of contracts, section 8, which reveals nothing of the inside."""

import errno
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from appliance import moment
from appliance.errors import InsufficientStorage, PerfanalysisError, StoreUnusable, Unavailable

logger = logging.getLogger("perfanalysis.receive")

ALWAYS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    # What is no page needs nothing; pages say themselves what they need.
    ("Content-Security-Policy", "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
"""What every answer has that does not say it otherwise."""
RETRIED = {408, 429, 503, 507}
UNAVAILABLE = "The receiver is busy: try again later."
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
TOO_BUSY = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


class Refused(PerfanalysisError):
    """What only HTTP can refuse."""

    def __init__(
        self, status: int, error_code: str, message: str, *,
        details: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None,
    ):  # fmt: skip
        super().__init__(message, error_code=error_code, details=details)
        self.status = status
        self.headers = dict(headers or {})


class Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: bytes


def to(error: Exception) -> Answer:
    """Answer an error; what is our fault is written to the log, and the sender gets a number to ask about."""
    headers: dict[str, str] = {}
    error = temporary(error)
    if isinstance(error, PerfanalysisError) and error.status < 500:
        status, code, message, details = error.status, error.error_code, error.message, error.details
        if isinstance(error, Refused):
            headers = dict(error.headers)
        if status == 401:
            headers = {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, PerfanalysisError) and error.status != 500:
        logger.warning("%s: %s", error.error_code, error.message)
        status, code, message, details = error.status, error.error_code, error.public or UNAVAILABLE, {}
    else:
        number = secrets.token_hex(8)
        if isinstance(error, StoreUnusable):
            # The sentence says it all, and comes with each request.
            logger.error("error %s: %s", number, error.message)
        else:
            logger.error("error %s", number, exc_info=error)
        status, code, details = 500, "PROCESSING_ERROR", {"error_id": number}
        message = f"The receiver could not do this: its log says why, under {number}."
    if isinstance(error, PerfanalysisError) and status in RETRIED:
        headers = {"Retry-After": str(error.retry_seconds)} | headers
    body = json.dumps({"status": "error", "error_code": code, "message": message, "details": details}).encode()
    headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Answer(f"{status} {HTTPStatus(status).phrase}", list(headers.items()), body)


def complete(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with those that every answer has."""
    said = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in ALWAYS if name.lower() not in said)]


def temporary(error: Exception) -> Exception:
    """Return what will pass by itself as what it is; every other error as it came."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return InsufficientStorage(f"there is no room for a request: {error}")
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in TOO_BUSY):
        return Unavailable(f"a request could not be served: {error or 'there is no memory'}")
    return error


def whole(error: Exception) -> bytes:
    """Return an answer as it goes over a connection that was not read."""
    answer = to(error)
    head = "".join(f"{name}: {value}\r\n" for name, value in [*complete(answer.headers), ("Connection", "close")])
    return f"HTTP/1.1 {answer.status}\r\n{head}\r\n".encode() + answer.body


def span(start_ms: int | None, end_ms: int | None) -> dict[str, str | None]:
    """Write a span of time for an answer; None where there is no sample."""
    return {
        "start": None if start_ms is None else moment.text(start_ms),
        "end": None if end_ms is None else moment.text(end_ms),
    }

"""Uploads a file: streamed from the disk, tried again where that may help, believed only when the receiver confirms."""

import json
import os
import random
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from appliance.errors import (
    BadConfiguration,
    BadData,
    Conflict,
    Forbidden,
    InvalidKey,
    NoInput,
    PerfanalysisError,
    TooLarge,
    Unavailable,
    UsageError,
)
from appliance.ship.connection import PIECE_BYTES, Answer, Connection, NotHTTP
from appliance.ship.trickle import retry_after

PATH = "/api/v1/performance/upload"
MAX_ANSWER_BYTES = 1 << 20
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
REFUSALS: Mapping[int, type[PerfanalysisError]] = {
    401: InvalidKey,
    403: Forbidden,
    404: BadConfiguration,
    405: BadConfiguration,
    409: Conflict,
    413: TooLarge,
}
RETRIED = {408, 429}
chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the receiver says of a file that it has."""

    upload_id: str
    machine_id: str
    rows_imported: int
    rows_duplicate: int
    duplicate: bool
    """The same file was there before: these are the numbers of then."""
    warnings: list[str] = field(default_factory=list)


def send(
    path: Path, url: str, key: str, machine_id: str, tenant_id: str = "", *, timeout_seconds: float | None = 60.0,
    retries: int = 3, ca_file: Path | None = None, sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:  # fmt: skip
    """
    Upload a standard CSV or a recording; `say` is told why it is tried again.

    A timeout of None is none. Raises NoInput, UsageError, BadConfiguration; for what the receiver refused BadData,
    TooLarge, Conflict, InvalidKey or Forbidden; Unavailable if it could not be reached or could not do it at last.
    """
    if not (key.isascii() and key.isprintable() and key):
        raise BadConfiguration("the key is empty or has characters that no key has: copy it again.")
    if not (machine_id + tenant_id).isprintable():
        raise UsageError("a machine id and a tenant have letters, digits, '.', '-' and '_' only.")
    attempt = 0
    while True:
        wait_seconds = 0.0
        try:
            fields = {"machine_id": machine_id, "tenant_id": tenant_id}
            answer = post(path, url, key, fields, timeout_seconds, ca_file)
            if answer.status == 200:
                return outcome(answer, url)
            failure = refusal(answer, url)
            wait_seconds = retry_after(answer.headers.get("retry-after"), time.time())
        except (OSError, NotHTTP) as error:
            failure = Unavailable(f"{url} cannot be reached: {reason(error, timeout_seconds)}.")
        if not isinstance(failure, Unavailable) or attempt == retries:
            raise failure
        # Full jitter: senders that failed together do not come back together.
        pause = wait_seconds + chance.uniform(0, min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS))
        attempt += 1
        say(f"{failure.message.removesuffix('.')}. Trying again in {pause:.0f} s ({attempt} of {retries}).")
        sleep(pause)


def post(
    path: Path, url: str, key: str, fields: Mapping[str, str], timeout_seconds: float | None, ca_file: Path | None
) -> Answer:
    """Send the form once and return the answer, which a receiver may give before it has read everything."""
    boundary = secrets.token_hex(16)
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        head, tail = form(boundary, fields, path.name)
        connection = Connection(url, ca_file, connect_seconds=timeout_seconds, answer_seconds=timeout_seconds)
        connection.prefix = connection.prefix.removesuffix(PATH)
        try:
            status, headers = connection.request(
                "POST",
                PATH,
                {
                    "Authorization": f"Bearer {key}",
                    "Content-Type": f"multipart/form-data; boundary={boundary}",
                    "Content-Length": str(len(head) + size + len(tail)),
                },
                pieces(file, path, size, head, tail),
            )
            return Answer(status, headers, connection.read(MAX_ANSWER_BYTES))
        finally:
            connection.close()


def open_file(path: Path) -> IO[bytes]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NoInput(f"{path} is not a file.")
        return path.open("rb")
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror}.") from error


def form(boundary: str, fields: Mapping[str, str], name: str) -> tuple[bytes, bytes]:
    """Return what comes before and after the file: the fields first, so that a receiver knows them when it comes."""
    shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
        if value
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()


def pieces(file: IO[bytes], path: Path, size: int, head: bytes, tail: bytes) -> Iterator[bytes]:
    """Give a form piece by piece; what is added to the file meanwhile is not sent."""
    yield head
    while size:
        piece = file.read(min(size, PIECE_BYTES))
        if not piece:
            raise BadData(f"{path} became shorter while it was sent: send it again when it is complete.")
        size -= len(piece)
        yield piece
    yield tail


def json_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def outcome(answer: Answer, url: str) -> Outcome:
    """Read a confirmation; anything else with status 200, such as a page that asks to log in, is none."""
    content = json_object(answer.body)
    if content.get("status") != "success" or not isinstance(content.get("upload_id"), str):
        raise BadConfiguration(f"{url} does not answer as a receiver does: check the address.")
    imported, repeated = (content.get(name, 0) for name in ("rows_imported", "rows_duplicate"))
    warnings = content.get("warnings")
    return Outcome(
        content["upload_id"], str(content.get("machine_id", "")), int(imported or 0), int(repeated or 0),
        content.get("duplicate") is True,
        [str(warning) for warning in warnings] if isinstance(warnings, list) else [],
    )  # fmt: skip


def refusal(answer: Answer, url: str) -> PerfanalysisError:
    """Return the error of ours that an answer means, with what the receiver says of it."""
    content = json_object(answer.body)
    status, message = answer.status, content.get("message")
    said = message if isinstance(message, str) else f"HTTP status {status}"
    if 300 <= status < 400:
        where = answer.headers.get("location", "another address")
        return BadConfiguration(f"{url} sends on to {where[:200]}: a key is not sent there; name the address.")
    if status in RETRIED or status >= 500:
        return Unavailable(f"{url} cannot take it now: {said}")
    details = content.get("details")
    return REFUSALS.get(status, BadData)(
        f"{url} refused it: {said}",
        error_code=str(content.get("error_code") or "BAD_REQUEST"),
        details=details if isinstance(details, dict) else {},
    )


def reason(error: Exception, timeout_seconds: float | None) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time" if timeout_seconds is None else f"no answer within {timeout_seconds:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

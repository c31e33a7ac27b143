"""The sources that are recorded, one per file: what each reads, as text, and nothing of what it means."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

READ_BYTES = 64 << 10
SHORT_BYTES = 2048
MOST_BYTES = 256 << 10
"""So much of a source is recorded, so that the sample of a machine with ten thousand interfaces can still be sent."""
HANG_SECONDS, PATIENT_SECONDS = 0.1, 2.0
"""A source that takes longer hangs; one that has patience of its own with what may hang is given more time."""


NOT_NOW: dict[str, str] = {}
"""What a source says that was not read, because it is too early."""


def nothing() -> None:
    pass


class Source(NamedTuple):
    subsystem: str
    """What a recording calls it: the file's path, or a special name with brackets."""
    read: Callable[[], str | dict[str, str] | None]
    """
    Read it now: its text, or texts by subsystem where they are several; None where there is nothing new to say, and
    NOT_NOW where it was not read.

    Raises OSError or ValueError where it cannot be read.
    """
    again: Callable[[], None] = nothing
    """Forget what was said before: a file or a run begins that must be complete on its own."""
    limit_seconds: float = HANG_SECONDS


def whole_file(root: str, name: str) -> Source:
    """Make a source of one file of /proc, of which `root` is the place."""
    return Source(f"/proc/{name}", reader(f"{root}/{name}"))


def reader(path: str, long_lines: bool = False) -> Callable[[], str]:
    """
    Return what reads a file as it is now; bytes that are not UTF-8 (in a device's name) are written as escapes.

    A file that the kernel makes is kept open and read anew from its start, which saves a third of its cost. An ordinary
    file (a recorded /proc) may be replaced by another one, and is opened each time.
    """
    enough = 0 if long_lines else SHORT_BYTES
    kept = -1

    def read() -> str:
        nonlocal kept
        if kept < 0:
            content, kept = first_reading(path)
        else:
            try:
                content = read_all(kept, enough)
            except OSError:
                # What it was is gone; the same name may be something new.
                os.close(kept)
                kept = -1
                raise
        if not content:
            raise ValueError("it is empty")
        return content.decode("utf-8", "backslashreplace")

    return read


def first_reading(path: str) -> tuple[bytes, int]:
    """Return a file's content, and its descriptor if it is to be kept, else -1."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = read_all(descriptor)
        # Only what the kernel makes has content and no size.
        if content and not os.fstat(descriptor).st_size:
            kept, descriptor = descriptor, -1
            return content, kept
        return content, -1
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def read_all(descriptor: int, enough: int = 0) -> bytes:
    """
    Read a file from its start. The kernel gives the longer ones in pieces of a page, of whole lines.

    So a piece of less than half a page is the last, where no line is longer than that: not to ask again saves time.
    """
    content = os.pread(descriptor, READ_BYTES, 0)
    if len(content) < enough:
        return content
    pieces, size = [], 0
    piece = content
    while piece:
        pieces.append(piece)
        size += len(piece)
        piece = os.pread(descriptor, READ_BYTES, size)
    return b"".join(pieces)


def read_text(path: str) -> str:
    """Read a file once."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        content = read_all(file.fileno())
    if not content:
        raise ValueError("it is empty")
    return content.decode("utf-8", "backslashreplace")


def now_and_then(source: Source, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Source:
    """Read a source that changes slowly, or costs much, only once in so many seconds."""
    due = float("-inf")

    def read() -> str | dict[str, str] | None:
        nonlocal due
        now = monotonic()
        if now < due:
            return NOT_NOW
        due = now + seconds
        return source.read()

    def again() -> None:
        nonlocal due
        due = float("-inf")
        source.again()

    return Source(source.subsystem, read, again, source.limit_seconds)

"""The sources that are recorded, one per file: what each reads, as text, and nothing of what it means."""

import os
from collections.abc import Callable
from typing import NamedTuple

READ_BYTES = 64 << 10


class Source(NamedTuple):
    subsystem: str
    """What a recording calls it: the file's path, or a special name with brackets."""
    read: Callable[[], str | dict[str, str] | None]
    """
    Read it now: its text, or texts by subsystem where they are several; None where there is nothing new to say.

    Raises OSError or ValueError where it cannot be read.
    """


def whole_file(root: str, name: str) -> Source:
    """Make a source of one file of /proc, of which `root` is the place."""
    path = f"{root}/{name}"
    return Source(f"/proc/{name}", lambda: read_text(path))


def read_text(path: str) -> str:
    """
    Read a file as it is now; bytes that are not UTF-8 (in a device's name) are written as escapes.

    Opened each time: that costs a microsecond, and a file that went away and came back is read again.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # The kernel gives the longer files in pieces of a page, whatever it is asked for.
        pieces = []
        while piece := os.read(descriptor, READ_BYTES):
            pieces.append(piece)
    finally:
        os.close(descriptor)
    if not pieces:
        raise ValueError("it is empty")
    return b"".join(pieces).decode("utf-8", "backslashreplace")

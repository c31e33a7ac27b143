"""
Rotation: a recording that grew too large or too old is put aside, and its name goes to a new file.

The newest one put aside is NAME.1.json, the one before it NAME.2.json, and so on. The name is never without a file that
is locked: a second recorder that comes at any moment is refused.
"""

import fcntl
import os
import re
import zlib
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".json.gz", ".json", ".gz")
TIMESTAMP = re.compile(rb'\{"timestamp": ?([0-9]+(?:\.[0-9]+)?)')
GZIP = 31
START_BYTES, LOOK_BYTES = 64, 4096


class Rotation(NamedTuple):
    max_bytes: int = 0
    """0 is without limit."""
    max_age_seconds: float = 0
    """From the first sample of a file to its last; 0 is without limit."""
    keep: int = 7
    """So many are kept beside the one that is written."""

    def reached(self, size: int, age_seconds: float) -> bool:
        return bool(
            (self.max_bytes and size >= self.max_bytes)
            or (self.max_age_seconds and age_seconds >= self.max_age_seconds)
        )


def replace(path: Path, descriptor: int, keep: int) -> int:
    """Put a file aside and return the descriptor of a new one, locked; raise OSError where that cannot be."""
    fresh = path.with_name(f".{path.name}.new")
    mode = os.fstat(descriptor).st_mode & 0o777
    new = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if keep:
            for number in range(keep - 1, 0, -1):
                if (older := aside(path, number)).exists():
                    older.replace(aside(path, number + 1))
            put_aside(path, aside(path, 1))
        fresh.replace(path)
    except BaseException:
        os.close(new)
        fresh.unlink(missing_ok=True)
        raise
    return new


def put_aside(path: Path, name: Path) -> None:
    """Give a file a second name, so that the first is never free; a memory stick's file system has no such thing."""
    name.unlink(missing_ok=True)
    try:
        name.hardlink_to(path)
    except OSError:
        path.replace(name)


def aside(path: Path, number: int) -> Path:
    suffix = suffix_of(path)
    return path.with_name(f"{path.name.removesuffix(suffix)}.{number}{suffix}")


def suffix_of(path: Path) -> str:
    return next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), "")


def find(path: Path, started: float) -> Path | None:
    """Return the file of a recording that begins with a timestamp, put aside or not; None if it is not there."""
    suffix = suffix_of(path)
    numbered = re.compile(rf"{re.escape(path.name.removesuffix(suffix))}\.[0-9]+{re.escape(suffix)}", re.ASCII)
    try:
        found = [path, *(other for other in path.parent.iterdir() if numbered.fullmatch(other.name))]
        return next((file for file in found if first_time_of(file) == started), None)
    except OSError:
        return None


def first_time_of(path: Path) -> float:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return 0.0
    try:
        return first_time(descriptor)
    finally:
        os.close(descriptor)


def first_time(descriptor: int) -> float:
    """Return the timestamp of a recording's first record, 0 where there is none."""
    start = b""
    try:
        start = os.pread(descriptor, LOOK_BYTES, 0)
        if start.startswith(b"\x1f\x8b"):
            start = zlib.decompressobj(GZIP).decompress(start, START_BYTES)
    except (OSError, zlib.error):
        # A terminal or a pipe has no start.
        pass
    return time_of(start)


def time_of(lines: bytes) -> float:
    """Return the timestamp of the first of some lines: the recording's own time, whatever the clock says now."""
    found = TIMESTAMP.match(lines)
    return float(found[1]) if found else 0.0

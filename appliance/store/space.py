"""
Room on the disk: below a floor nothing more is stored, long before SQLite finds the disk full.

On a full disk not even removing works, for it is written first: the file `RESERVE` is given up for that as the last
step, and made again when there is room.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import FolderGone, InsufficientStorage
from appliance.store import database

FLOOR_SHARE, FLOOR_BYTES = 0.05, 512 << 20
SMALL_SHARE = 0.25
"""Of a small file system the floor is not more than this."""
LEAST_BYTES = 1 << 20
"""With less room than this SQLite may not even open a file."""
RESERVE, RESERVE_BYTES, RESERVE_SHARE = "RESERVE", 64 << 20, 1 / 16


@dataclass(frozen=True, slots=True)
class Space:
    """The file system of a data folder."""

    folder: Path
    floor_bytes: int | None = None
    """None: 5 % of the file system, at least 512 MiB, and never more than a quarter of it."""
    reserve_bytes: int | None = None
    """None: 64 MiB, and never more than a sixteenth of the file system; 0: no reserve."""

    def check(self, wanted: int = 0) -> None:
        """Raise InsufficientStorage if there is not room for so many bytes above the floor, or InputOutput."""
        try:
            free, total = room(self.folder)
        except FileNotFoundError as error:
            raise FolderGone(f"{self.folder} is gone: bring it back.") from error
        except OSError as error:
            raise database.translated(error, self.folder) from error
        if free - wanted < self.floor(total):
            raise InsufficientStorage(
                f"{self.folder} has {free >> 20:,} MiB free, and {self.floor(total) >> 20:,} MiB are kept free: "
                "nothing more is stored until there is room; free space there, or choose another --min-free."
            )

    def is_low(self) -> bool:
        try:
            self.check()
        except InsufficientStorage:
            return True
        return False

    def floor(self, total: int) -> int:
        if self.floor_bytes is not None:
            return self.floor_bytes
        return int(max(FLOOR_SHARE * total, min(FLOOR_BYTES, SMALL_SHARE * total)))

    def keep_reserve(self) -> None:
        """Make the reserve if it is not there and there is room for it; a disk that gets full meanwhile has none."""
        path = self.folder / RESERVE
        with suppress(OSError):
            free, total = room(self.folder)
            size = int(min(RESERVE_BYTES, RESERVE_SHARE * total)) if self.reserve_bytes is None else self.reserve_bytes
            if path.exists() or not size or free < self.floor(total) + size:
                return
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError:
                path.unlink()
            finally:
                os.close(descriptor)


def room(folder: Path) -> tuple[int, int]:
    """Return how many bytes of a file system are free for us, and how many it has."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def make_room(folder: Path) -> None:
    """Give up the reserve if nothing is free: for what has to be written all the same, as that a key is revoked."""
    with suppress(OSError):
        if room(folder)[0] < LEAST_BYTES:
            give_up_reserve(folder)


def give_up_reserve(folder: Path) -> bool:
    """Make room for what must be written on a full disk; say whether there was a reserve to give up."""
    try:
        (folder / RESERVE).unlink()
    except OSError:
        return False
    return True

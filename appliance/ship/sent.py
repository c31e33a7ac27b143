"""
Batches that a receiver has, kept for a while as they were sent: one that was restored from a backup gets them again.

Nothing here is forced to the disk, and all of it gives way to samples that wait: it only matters when a receiver has
lost what it had acknowledged.
"""

import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)
FOLDER, SUFFIX, STORES = "sent", ".batches", "stores.json"
KEEP_SECONDS = 86400.0
MAX_BYTES = 64 << 20
"""A day and more of a small machine at one second."""
FILE_BYTES = 1 << 20
MOST_STORES = 16
LONGEST_HEAD = 128


class Packed(NamedTuple):
    """A batch as it goes to a receiver."""

    content: bytes
    """Zipped."""
    digest: str
    run: int
    samples: int


class Sent:
    """Not for more than one thread at a time: the sender has a lock for it."""

    def __init__(
        self, folder: Path | None, keep_seconds: float = KEEP_SECONDS, max_bytes: int = MAX_BYTES,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Keep them below a folder, or none if there is none or no time to keep them; raise OSError."""
        self.keeping = folder is not None and keep_seconds > 0
        self.folder = (folder or Path()) / FOLDER
        self.keep_seconds, self.max_bytes, self.is_crowded = keep_seconds, max_bytes, is_crowded
        self.sizes: dict[int, int] = {}
        """Of the files, in order, by their numbers."""
        self.active: int | None = None
        """The file that is added to. What an earlier process left is not."""
        self.failing = False
        self.stores: list[str] = []
        """Of the receivers that have, or got again, all that is kept here."""
        if self.keeping and self.folder.is_dir():
            found = ((path, path.name.removesuffix(SUFFIX)) for path in self.folder.glob(f"*{SUFFIX}"))
            self.sizes = dict(sorted((int(name), path.stat().st_size) for path, name in found if name.isdigit()))
            self.stores = read_stores(self.folder / STORES)
            self.drop_old()
        self.bytes = sum(self.sizes.values())

    def path(self, number: int) -> Path:
        return self.folder / f"{number:08d}{SUFFIX}"

    def keep(self, packed: Packed) -> None:
        """Keep a batch that was acknowledged, where there is room for it."""
        if not self.keeping:
            return
        try:
            self.add(packed)
        except OSError as error:
            if not self.failing:
                logger.warning("What was sent cannot be kept in %s: %s.", self.folder, error.strerror)
            self.failing, self.active = True, None

    def add(self, packed: Packed) -> None:
        if self.active is None or self.sizes.get(self.active, FILE_BYTES) >= FILE_BYTES:
            self.drop_old()
            if self.is_crowded():
                self.clear()
                return
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.active = max(self.sizes, default=0) + 1
            self.sizes[self.active] = 0
        said = b"%d %d %d %s" % (len(packed.content), packed.run, packed.samples, packed.digest.encode())
        frame = b"%08x %s\n%s\n" % (checksum(said, packed.content), said, packed.content)
        descriptor = os.open(self.path(self.active), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(descriptor, frame)
        finally:
            os.close(descriptor)
        self.sizes[self.active] += written
        self.bytes += written
        if written < len(frame):
            # What follows would be behind half a batch.
            self.active = None
        while self.bytes > self.max_bytes and self.drop_oldest():
            pass

    def batches(self) -> Iterator[Packed]:
        """Give what is kept now, oldest first; a file that is damaged is given as far as it is whole."""
        for number, size in list(self.sizes.items()):
            with suppress(OSError), self.path(number).open("rb") as file:
                while file.tell() < size and (packed := read_frame(file.readline(LONGEST_HEAD), file.read)):
                    yield packed

    # Room

    def drop_old(self) -> None:
        """Drop the files to which nothing was added for long."""
        oldest = time.time() - self.keep_seconds
        for number in list(self.sizes):
            try:
                old = self.path(number).stat().st_mtime < oldest
            except OSError:
                old = True
            if not old:
                return
            self.drop(number)

    def drop_oldest(self) -> bool:
        """Drop the oldest file; say whether there was one."""
        if self.sizes:
            self.drop(min(self.sizes))
            return True
        return False

    def clear(self) -> bool:
        """Drop all that is kept; say whether that was anything."""
        anything = bool(self.sizes)
        for number in list(self.sizes):
            self.drop(number)
        return anything

    def remove_folder(self) -> None:
        """Leave nothing where nothing is kept."""
        if self.keeping and not self.bytes:
            with suppress(OSError):
                (self.folder / STORES).unlink(missing_ok=True)
                self.folder.rmdir()

    def drop(self, number: int) -> None:
        self.sizes.pop(number)
        self.bytes = sum(self.sizes.values())
        if number == self.active:
            self.active = None
        with suppress(OSError):
            self.path(number).unlink()

    # Whose they are

    def has_them(self, store: str) -> None:
        """Note that a store has all that is kept here."""
        self.stores = [*(known for known in self.stores if known != store), store][-MOST_STORES:]
        if not self.keeping:
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            new = self.folder / f"{STORES}.new"
            with new.open("w", encoding="ascii") as file:
                file.write(json.dumps(self.stores))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.folder / STORES)
        except OSError as error:
            # After a restart it is offered again, and stored once.
            logger.info("%s cannot be written: %s.", self.folder / STORES, error.strerror)


def read_frame(head: bytes, read: Callable[[int], bytes]) -> Packed | None:
    """Read one batch of a file; None where it is torn or damaged."""
    expected, _, said = head.removesuffix(b"\n").partition(b" ")
    try:
        length, run, samples, digest = said.split()
        content = read(int(length))
        if read(1) != b"\n" or b"%08x" % checksum(said, content) != expected:
            return None
        return Packed(content, digest.decode("ascii"), int(run), int(samples))
    except ValueError:
        return None


def checksum(said: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(said))


def read_stores(path: Path) -> list[str]:
    try:
        found = json.loads(path.read_text("ascii"))
    except (OSError, ValueError, RecursionError):
        return []
    return [store for store in found if isinstance(store, str)] if isinstance(found, list) else []

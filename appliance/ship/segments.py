"""
The files of a spool: each is named by the number of its first record, so that names alone say how many records wait.

A start reads the names and the last file. What was left by an earlier process is never appended to; what is torn at its
end is cut; a damaged line is skipped and counted. Reading holds no more in memory than what is asked for.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from appliance.ship.record import Record, decode, encode

SUFFIX = ".jsonl"


class Position(NamedTuple):
    """Between two records; positions compare as the records come."""

    segment: int
    offset: int
    number: int
    """Of the next record."""


class Segments:
    def __init__(self, folder: Path) -> None:
        """Look at the files of a folder; raise OSError where that is not possible."""
        self.folder = folder
        self.sizes = dict(
            sorted((int(path.stem), path.stat().st_size) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit())
        )
        """In order, by the number of the first record."""
        self.active: int | None = None
        """The segment that is appended to."""
        self.descriptor = -1
        """Of the active segment."""
        self.unsynced: list[Record] = []
        self.synced_size = 0
        self.skipped = 0
        """Damaged lines."""
        self.torn_bytes = 0
        self.next = self.mend() if self.sizes else 1
        """The number of the next record."""

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes.values())

    def path(self, segment: int) -> Path:
        return self.folder / f"{segment:016d}{SUFFIX}"

    def mend(self) -> int:
        """Cut what is torn at the end of the last segment and return the number that follows."""
        last = max(self.sizes)
        path, number, end = self.path(last), last, 0
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    end += len(line)
                    record = decode(line)
                    number = record.number + 1 if record is not None else number + 1
        if end < self.sizes[last]:
            self.torn_bytes = self.sizes[last] - end
            os.truncate(path, end)
            self.sizes[last] = end
        if not end:
            path.unlink()
            del self.sizes[last]
        return number

    def start_of(self, segment: int) -> Position:
        return Position(segment, 0, segment)

    def append(self, record: Record, *, sync: bool) -> None:
        """Write a record, for good if `sync`; raise OSError, and nothing of it is there."""
        line = encode(record)
        self.check_removed()
        segment = self.begin(record.number) if self.active is None else self.active
        written = 0
        try:
            while written < len(line):
                written += os.write(self.descriptor, line[written:])
        except OSError:
            if written:
                os.ftruncate(self.descriptor, self.sizes[segment])
            if not self.sizes[segment]:
                self.end()
                self.drop(segment)
            raise
        self.sizes[segment] += len(line)
        self.next = record.number + 1
        self.unsynced.append(record)
        if sync:
            self.sync()

    def check_removed(self) -> None:
        """Raise OSError if somebody removed the file that is written to: what is written then is nowhere."""
        if self.active is not None and not os.fstat(self.descriptor).st_nlink:
            self.end()
            raise FileNotFoundError(errno.ENOENT, "its files were removed")

    def forget_missing(self, number: int) -> int:
        """Forget segments whose files are gone; return how many records from a number on were in them."""
        firsts = list(self.sizes)
        ends = dict(zip(firsts, [*firsts, self.next][1:], strict=True))
        gone = [segment for segment in firsts if self.is_missing(segment)]
        for segment in gone:
            del self.sizes[segment]
        return sum(max(0, ends[segment] - max(segment, number)) for segment in gone)

    def is_missing(self, segment: int) -> bool:
        try:
            self.path(segment).stat()
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        return False

    def begin(self, number: int) -> int:
        """Begin a segment and return its number."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.descriptor = os.open(
            self.path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        self.active = number
        self.sizes[number] = self.synced_size = 0
        self.unsynced.clear()
        self.sync_folder()
        return number

    def sync(self) -> None:
        """Have all that was written on the disk; raise OSError if that failed twice."""
        if self.active is None or not self.unsynced:
            return
        try:
            os.fdatasync(self.descriptor)
        except OSError:
            # The kernel has forgotten that these pages are not on the disk: asked again it would say that they are.
            self.write_again(self.active)
        self.synced_size = self.sizes[max(self.sizes)]
        self.unsynced.clear()

    def write_again(self, failed: int) -> None:
        """Write what may not be on the disk to a new segment."""
        records = self.unsynced.copy()
        self.end()
        if self.synced_size:
            with suppress(OSError):
                os.truncate(self.path(failed), self.synced_size)
            self.sizes[failed] = self.synced_size
        else:
            self.drop(failed)
        for record in records:
            self.append(record, sync=False)
        os.fdatasync(self.descriptor)

    def end(self) -> None:
        """End the last segment: the next record begins another one."""
        if self.active is not None:
            os.close(self.descriptor)
            self.active = None
            self.unsynced.clear()

    def older_than(self, seconds: float) -> bool:
        """Say whether nothing was added to the oldest segment for so long, or whether it is gone."""
        try:
            return self.path(min(self.sizes)).stat().st_mtime < time.time() - seconds
        except FileNotFoundError:
            return True

    def drop(self, segment: int) -> None:
        del self.sizes[segment]
        self.path(segment).unlink(missing_ok=True)

    def sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, position: Position) -> Iterator[tuple[Record, Position]]:
        """Give each record from a position on, and the position behind it."""
        number = position.number
        for segment in [first for first in self.sizes if first >= position.segment]:
            offset = position.offset if segment == position.segment else 0
            try:
                with self.path(segment).open("rb") as file:
                    file.seek(offset)
                    for line in file:
                        offset += len(line)
                        record = decode(line)
                        if record is None:
                            self.skipped += 1
                        elif record.number >= number:
                            number = record.number + 1
                            yield record, Position(segment, offset, number)
            except OSError:
                # A disk that fails in one place costs what is there.
                self.skipped += 1

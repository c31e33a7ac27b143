"""
Samples that wait on the disk until a receiver has them: they outlive this process, and memory holds one batch of them.

What `put` took is on the disk when it returns; what a receiver acknowledged is removed. The cursor file only saves
sending some samples twice, which a receiver stores once. Where the disk fails, memory takes over until it works again.
"""

import errno
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from appliance.errors import CannotCreate, InUse
from appliance.ship import batch, cursor, lock, owner, record
from appliance.ship.batch import Batch
from appliance.ship.queue import Queue
from appliance.ship.record import Record
from appliance.ship.segments import Position, Segments
from appliance.ship.sent import KEEP_SECONDS, Sent

logger = logging.getLogger(__name__)
LOCK = "LOCK"
DISK_AGAIN_SECONDS = 10
"""How often a disk that failed is tried again."""


class Limits(NamedTuple):
    bytes: int = 512 << 20
    """12 hours of a small machine at one second."""
    segment_bytes: int = 1 << 20
    age_seconds: float = 30 * 86400
    free_share: float = 0.05
    free_bytes: int = 1 << 30
    """Where less than both is free on the file system, the spool does not grow, unless it has less than"""
    crowded_bytes: int = 16 << 20
    memory_bytes: int = 16 << 20
    sync_seconds: float = 0
    """How long a sample may be written and not be on the disk, should the power fail; 0 is not at all."""
    sent_seconds: float = KEEP_SECONDS
    """How long what was sent is kept, for a receiver that is restored from a backup."""


class Spool:
    """Not for more than one thread at a time: the sender has a lock for it."""

    def __init__(
        self, folder: Path, machine: str, host: Mapping[str, str] | None = None, limits: Limits | None = None,
        *, keep_folder: bool = True,
    ) -> None:  # fmt: skip
        """Open a folder, made where there is none; raise InUse or CannotCreate, with the reason."""
        self.folder, self.machine, self.limits = folder, machine, limits or Limits()
        self.keep_folder = keep_folder
        """Not to keep it is to remove it when nothing waits in it at the end."""
        self.memory = Queue(machine, self.limits.memory_bytes)
        self.dropped = 0
        """Samples that found no place."""
        self.gaps: dict[tuple[str, int], tuple[float, float, int]] = {}
        """Of a machine and run: what was dropped and is not told yet."""
        self.disk_again = 0.0
        """When the disk is tried again; 0 while it works."""
        self.failures = 0
        """How often it ceased to work."""
        self.dropping = False
        """Whether samples were dropped since the last ones were stored."""
        self.synced = 0.0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = lock.take(folder / LOCK)
            if held is None:
                raise InUse(f"the spool {folder} is in use by another collector: name another one with --spool.")
            self.lock = held
            self.other_host = owner.claim(folder, host or {})
            self.segments = Segments(folder)
            self.sent = Sent(folder, self.limits.sent_seconds, is_crowded=self.is_crowded)
        except OSError as error:
            raise CannotCreate(f"the spool {folder} cannot be used: {error.strerror}.") from error
        self.position = cursor.read(folder, self.segments)
        self.read_ahead = self.position
        """Behind the last batch."""
        self.since_disk = self.age_of_first()
        if self.segments.torn_bytes:
            logger.warning("%s ended in a torn record: %d bytes were removed.", folder, self.segments.torn_bytes)

    def __len__(self) -> int:
        return self.on_disk + len(self.memory)

    @property
    def on_disk(self) -> int:
        return max(0, self.segments.next - self.position.number) if self.segments.sizes else 0

    @property
    def since(self) -> float | None:
        """When the oldest one came, on the monotonic clock."""
        return self.since_disk if self.on_disk else self.memory.since

    @property
    def working(self) -> bool:
        """Whether samples go to the disk."""
        return not self.disk_again

    # Taking samples

    def put(self, run: int, lines: bytes) -> None:
        """Take a sample: to the disk, and only where that fails into memory."""
        if self.working or time.monotonic() >= self.disk_again:
            try:
                self.store_memory()
                self.store(run, self.machine, lines)
                self.tell_gaps()
                self.works()
                return
            except OSError as error:
                self.failed(error)
                self.count_missing()
        # The samples of the disk and of memory have one row of numbers, so that a batch may be of either.
        self.memory.number = max(self.memory.number, self.segments.next - 1)
        for gone in self.memory.put(run, lines):
            self.lost(Record(gone.number, gone.run, self.machine, 0, gone.lines))

    def store(self, run: int, machine: str, lines: bytes, number: int = 0) -> None:
        """Append a sample to the disk, within the limits: beyond them the oldest ones go."""
        self.make_room()
        number = number or max(self.segments.next, self.memory.number + 1)
        taken = Record(number, run, machine, time.time_ns() // 1_000_000, lines)
        empty = not self.on_disk
        sync = time.monotonic() - self.synced >= self.limits.sync_seconds
        self.segments.append(taken, sync=sync)
        if sync:
            self.synced = time.monotonic()
        if empty:
            active = max(self.segments.sizes)
            offset = self.position.offset if self.position.segment == active else 0
            self.position = Position(active, offset, number)
            self.since_disk = time.monotonic()

    def store_memory(self) -> None:
        """Bring to the disk what came while it failed."""
        while self.memory.waiting:
            first = self.memory.waiting[0]
            self.store(first.run, self.machine, first.lines, first.number)
            self.memory.remove(first.number)

    def failed(self, error: OSError) -> None:
        if self.working:
            self.failures += 1
            logger.error(
                "The spool %s cannot be written: %s. Samples wait in memory, where they do not outlive this process.",
                self.folder, error.strerror,
            )  # fmt: skip
        self.disk_again = time.monotonic() + DISK_AGAIN_SECONDS
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and self.sent.clear():
            # There is room now.
            self.disk_again = time.monotonic()

    def works(self) -> None:
        if not self.working:
            logger.warning("The spool %s can be written again.", self.folder)
        self.disk_again = 0.0

    # Room

    def make_room(self) -> None:
        """Begin another segment where one is full, and keep all of them within the limits."""
        active = self.segments.active
        segment_bytes = min(self.limits.segment_bytes, self.limits.bytes // 8)
        if active is None or self.segments.sizes[active] >= segment_bytes:
            self.segments.sync()
            self.segments.end()
            self.forget()
            self.drop_old()
            if self.segments.size_bytes > self.limits.crowded_bytes and self.is_crowded() and not self.sent.clear():
                self.drop_oldest("too little is free on the disk")
        while self.segments.size_bytes + self.sent.bytes > self.limits.bytes and (
            self.sent.drop_oldest() or self.drop_oldest("the spool is full")
        ):
            pass

    def is_crowded(self) -> bool:
        found = os.statvfs(self.folder)
        free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        return free < min(size * self.limits.free_share, self.limits.free_bytes)

    def drop_old(self) -> None:
        while self.segments.sizes and self.segments.older_than(self.limits.age_seconds):
            if not self.drop_oldest("they are too old"):
                return

    def drop_oldest(self, why: str) -> bool:
        """Drop the oldest segment that is not written to; say whether there was one."""
        oldest = min(self.segments.sizes, default=None)
        if oldest is None or oldest == self.segments.active:
            return False
        gone = 0
        for lost, position in self.segments.read(self.position):
            if position.segment != oldest:
                break
            self.lost(lost)
            gone += 1
        self.segments.drop(oldest)
        following = min(self.segments.sizes, default=None)
        if following is not None:
            self.position = max(self.position, self.segments.start_of(following))
        self.since_disk = self.age_of_first()
        if gone:
            level = logging.INFO if self.dropping else logging.ERROR
            logger.log(level, "%d samples are dropped from the spool %s: %s.", gone, self.folder, why)
            self.dropping = True
        return True

    def lost(self, sample: Record) -> None:
        """Count a sample that is no more, and remember to tell the receiver."""
        told = record.told_gap(sample)
        self.dropped += told is None
        start, end, count = told or (sample.timestamp, sample.timestamp, 1)
        key = sample.machine, sample.run
        first, last, others = self.gaps.get(key, (start, end, 0))
        self.gaps[key] = (min(first, start), max(last, end), others + count)

    def tell_gaps(self) -> None:
        """Put what is dropped among the samples, so that a report shows a gap and not a line through it."""
        for machine, run in list(self.gaps):
            gap = self.gaps.pop((machine, run))
            try:
                self.store(run, machine, record.gap(*gap))
            except OSError:
                self.gaps.setdefault((machine, run), gap)
                raise

    # Giving batches

    def batch(self, limit: int) -> Batch | None:
        """Return the oldest samples, at most `limit`, which stay until they are removed; None where none waits."""
        first: Record | None = None
        samples: list[bytes] = []
        size = 0
        for taken, position in self.segments.read(self.position):
            size += len(taken.sample)
            first = first or taken
            apart = (taken.machine, taken.run) != (first.machine, first.run)
            if samples and (len(samples) >= limit or apart or size > batch.MAX_BYTES):
                break
            samples.append(taken.sample)
            self.read_ahead = position
        if first is None:
            self.give_up_disk()
            return self.memory.batch(limit)
        return Batch(first.machine, first.run, samples, self.read_ahead.number - 1)

    def count_missing(self) -> None:
        """Count what was in files that somebody removed."""
        gone = self.segments.forget_missing(self.position.number)
        if gone:
            self.dropped += gone
            logger.error("%d samples are gone with files that were removed from the spool %s.", gone, self.folder)

    def give_up_disk(self) -> None:
        """Forget what should be on the disk and cannot be read."""
        if self.on_disk:
            self.dropped += self.on_disk
            logger.error("%d samples in the spool %s cannot be read any more.", self.on_disk, self.folder)
            self.position = self.position._replace(number=self.segments.next)

    def remove(self, last: int) -> None:
        """Forget the samples up to a number; those that were dropped meanwhile are gone already."""
        self.dropping = False
        self.memory.remove(last)
        if self.read_ahead.number - 1 == last:
            self.position = max(self.position, self.read_ahead)
        else:
            # They were in memory when they were given, and came to the disk since.
            for taken, position in self.segments.read(self.position):
                if taken.number > last:
                    break
                self.position = position
        with suppress(OSError):
            self.forget()

    def forget(self) -> None:
        """Remove the segments that are done with."""
        done = [first for first in self.segments.sizes if first < self.position.segment]
        if not self.on_disk and self.segments.active is None:
            done = list(self.segments.sizes)
        for segment in done:
            self.segments.drop(segment)
        cursor.write(self.folder, self.position)
        self.since_disk = self.age_of_first()

    def age_of_first(self) -> float:
        """Return when the oldest one on the disk came, on the monotonic clock."""
        now = time.monotonic()
        first = next(self.segments.read(self.position), None) if self.on_disk else None
        return now - max(0.0, time.time() - first[0].at_ms / 1000) if first else now

    def close(self) -> None:
        """End writing, and leave nothing where nothing waits; what is in memory then could not be written."""
        with suppress(OSError):
            self.store_memory()
            self.segments.sync()
        self.segments.end()
        with suppress(OSError):
            self.forget()
            if not len(self) and not self.keep_folder and not self.sent.bytes:
                self.sent.remove_folder()
                for name in (cursor.NAME, owner.OWNER, LOCK):
                    (self.folder / name).unlink(missing_ok=True)
                self.folder.rmdir()
        os.close(self.lock)

    def state(self) -> dict[str, int]:
        """Return what there is to know of it, in numbers."""
        since = self.since
        return {
            "spool_samples": len(self),
            "spool_bytes": self.segments.size_bytes + self.memory.bytes,
            "spool_oldest_seconds": 0 if since is None else int(time.monotonic() - since),
            "spool_on_disk": int(self.working),
            "spool_skipped": self.segments.skipped,
            "dropped": self.dropped,
        }

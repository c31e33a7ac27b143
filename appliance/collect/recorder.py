"""
A recording on disk, open for appending: only whole samples are in it, and one recorder at a time writes it.

Unless it is told to, nothing is forced to the disk: a recorder that is killed loses nothing that was written, a power
cut what the system had not written yet (about half a minute). A file whose name ends in .gz is zipped: see `zipped`.
"""

import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from appliance.collect import rotation, zipped
from appliance.collect.rotation import Rotation
from appliance.errors import BadData, InputOutput, InUse, NoPermission

logger = logging.getLogger(__name__)
PIECE_BYTES = 64 << 10


class Recorder:
    def __init__(
        self, path: Path, limits: Rotation | None = None, flush_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """
        Open a file, made where there is none; raise a PerfanalysisError with the reason why it cannot be.

        What is written is on the disk after `flush_seconds`, and after each sample if that is 0; None is never.
        """
        self.path, self.limits, self.flush_seconds, self.clock = path, limits, flush_seconds, clock
        self.flushed = clock()
        self.descriptor = opened(path)
        self.regular = stat.S_ISREG(os.fstat(self.descriptor).st_mode)
        self.packer = zipped.Packer(flush_seconds, clock) if path.name.endswith(".gz") else None
        self.waiting = b""
        """The zipped end of a sample for which there was no room: what follows makes no sense without it."""
        try:
            # A terminal or a pipe is nobody's own.
            if self.regular:
                self.lock()
                if os.fstat(self.descriptor).st_size:
                    self.mend()
            self.size = os.fstat(self.descriptor).st_size
            self.started = rotation.first_time(self.descriptor)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.rotates = True
        self.writing = False
        """A thread is in `write`, and stuck there if this one is not."""
        self.put_aside: list[float] = []
        """When the files began that were put aside, the oldest first."""

    def lock(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, another recorder may have given the name to a new file of its own.
            free = os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except (BlockingIOError, FileNotFoundError):
            free = False
        if not free:
            raise InUse(f"{self.path} is being written by another recorder: name another file.")

    def mend(self) -> None:
        """Remove what a crash left half written at the end of an older recording, so that all of the file is read."""
        start = os.pread(self.descriptor, 2, 0)
        if not (start == zipped.MAGIC if self.packer else start.startswith(b"{")):
            raise BadData(f"{self.path} holds something else than a recording: name another file.")
        try:
            lost = zipped.mend(self.descriptor) if self.packer else cut_torn_line(self.descriptor)
        except ValueError as error:
            raise BadData(f"{self.path} cannot be continued: {error}; name another file.") from error
        if lost:
            logger.warning("%s ended in a torn record: its %d bytes were removed.", self.path, lost)

    def write(self, _: int, lines: bytes) -> bool:
        """
        Append one sample; say whether the next one comes into a new file, which must be complete on its own.

        Raises InputOutput where there is no room for it: then nothing of it is in the file, and the next may be tried.
        """
        self.writing = True
        try:
            return self.write_sample(lines)
        finally:
            self.writing = False

    def write_sample(self, lines: bytes) -> bool:
        flush = self.flush_seconds is not None and self.clock() - self.flushed >= self.flush_seconds
        self.append_waiting()
        if self.packer:
            self.waiting = self.packer.pack(lines, flush)
            self.append_waiting(keep=True)
        else:
            self.append(lines)
        if flush:
            self.force()
        return self.regular and self.limits is not None and self.rotate(self.limits, lines)

    def append_waiting(self, keep: bool = False) -> None:
        """Write what is zipped already. What finds no room with `keep` stays for the next time, and is not lost."""
        if self.waiting:
            try:
                self.append(self.waiting)
            except InputOutput:
                if keep:
                    return
                raise
            self.waiting = b""

    def append(self, data: bytes) -> None:
        """Write all or nothing; raise InputOutput."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError as error:
            if self.regular and written:
                os.ftruncate(self.descriptor, os.fstat(self.descriptor).st_size - written)
            raise self.trouble(error) from error
        self.size += len(data)

    def force(self) -> None:
        try:
            if self.regular:
                os.fdatasync(self.descriptor)
        except OSError as error:
            raise self.trouble(error) from error
        self.flushed = self.clock()

    def trouble(self, error: OSError) -> InputOutput:
        return InputOutput(f"{self.path} cannot be written: {error.strerror}.")

    def rotate(self, limits: Rotation, lines: bytes) -> bool:
        """Begin a new file if the next sample, as long as the last, would be too much for this one."""
        now = rotation.time_of(lines)
        self.started = self.started or now
        if not limits.reached(self.size + (0 if self.packer else len(lines)), now - self.started):
            return False
        try:
            self.end_member()
            descriptor = rotation.replace(self.path, self.descriptor, limits.keep)
        except (OSError, InputOutput) as error:
            if self.rotates:
                logger.warning("%s goes on although it is full: no new file could be made: %s", self.path, error)
            self.rotates = False
            return False
        os.close(self.descriptor)
        self.put_aside.append(self.started)
        self.descriptor, self.size, self.started, self.rotates = descriptor, 0, 0, True
        return True

    def end_member(self) -> None:
        """End what is zipped so far, so that the file is whole."""
        if self.packer:
            self.waiting += self.packer.finish()
            self.packer = zipped.Packer(self.flush_seconds, self.clock)
            self.append_waiting()
        if self.flush_seconds is not None:
            self.force()

    def close(self) -> None:
        """End the file; where a write to it hangs, it is left as it is, since to close it would be to wait as well."""
        if self.writing:
            return
        try:
            self.end_member()
            if self.regular and self.limits and not self.size:
                # A new file that no sample came into.
                self.path.unlink()
        finally:
            os.close(self.descriptor)


def opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
    except PermissionError as error:
        raise NoPermission(f"{path} cannot be written: {error.strerror}.") from error
    except OSError as error:
        raise InputOutput(f"{path} cannot be written: {error.strerror}.") from error


def cut_torn_line(descriptor: int) -> int:
    """Remove what is behind the last newline and return how many bytes that was."""
    size = end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - PIECE_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(descriptor, end)
    return size - end

"""
A recording on disk, open for appending: only whole samples are in it, and one recorder at a time writes it.

Nothing is forced to the disk: a recorder that is killed loses nothing that was written, a power cut what the system had
not written yet (about half a minute). A file whose name ends in .gz is zipped: see `zipped`.
"""

import fcntl
import logging
import os
import stat
from pathlib import Path

from appliance.collect import zipped
from appliance.errors import BadData, InputOutput, InUse, NoPermission

logger = logging.getLogger(__name__)
PIECE_BYTES = 64 << 10


class Recorder:
    def __init__(self, path: Path) -> None:
        """Open a file, made where there is none; raise a PerfanalysisError with the reason why it cannot be."""
        self.path = path
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
        except PermissionError as error:
            raise NoPermission(f"{path} cannot be written: {error.strerror}.") from error
        except OSError as error:
            raise InputOutput(f"{path} cannot be written: {error.strerror}.") from error
        self.regular = stat.S_ISREG(os.fstat(self.descriptor).st_mode)
        self.packer = zipped.Packer() if path.name.endswith(".gz") else None
        try:
            self.lock()
            if self.regular and os.fstat(self.descriptor).st_size:
                self.mend()
        except BaseException:
            os.close(self.descriptor)
            raise

    def lock(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{self.path} is being written by another recorder: name another file.") from None

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

    def write(self, _: int, lines: bytes) -> None:
        """Append one sample."""
        self.append(self.packer.pack(lines) if self.packer else lines)

    def append(self, data: bytes) -> None:
        """Write all or nothing; raise InputOutput."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError as error:
            if self.regular and written:
                os.ftruncate(self.descriptor, os.fstat(self.descriptor).st_size - written)
            raise InputOutput(f"{self.path} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        try:
            if self.packer:
                self.append(self.packer.finish())
        finally:
            os.close(self.descriptor)


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

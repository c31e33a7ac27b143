"""
A zipped recording that survives its recorder: flushed at the end of a sample every few seconds, mended when continued.

Each run is a gzip member of its own. A recorder that is killed leaves its member open; what is in it can be read by
any gunzip, but no member may follow before it is ended properly: that is what `mend` does. It loses no line that could
be read before, even if it is killed itself.
"""

import fcntl
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from appliance.errors import InputOutput

MAGIC = b"\x1f\x8b"
GZIP = 31
"""What zlib calls a stream with gzip's header and checksum."""
LEVEL = 6
FLUSH_SECONDS = 5
"""A killed recorder loses at most this much. Each flush costs the compression a little."""
FLUSHED = b"\x00\x00\xff\xff"
"""An empty stored block: a flush ends in it."""
LAST_BLOCK = b"\x03\x00"
"""An empty block that is marked as the last."""
PIECE_BYTES = 16 << 10
MAX_LINE_BYTES = 16 << 20
"""A measurement of a machine with 1,024 CPUs has 2 MB."""
MOST_ZEROS = 1
"""More zeros than these at an end were never written, as a rule: they would be unzipped to what nobody recorded."""


class Packer:
    def __init__(self, flush_seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.flush_seconds = FLUSH_SECONDS if flush_seconds is None else flush_seconds
        self.clock = clock
        self.zipper = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        self.flushed = float("-inf")
        self.empty = True

    def pack(self, lines: bytes, flush: bool = False) -> bytes:
        """Return what there is to write now, which may be nothing."""
        packed = self.zipper.compress(lines)
        self.empty = False
        if flush or self.clock() - self.flushed >= self.flush_seconds:
            packed += self.zipper.flush(zlib.Z_SYNC_FLUSH)
            self.flushed = self.clock()
        return packed

    def finish(self) -> bytes:
        """End the member; one that nothing was packed into is none."""
        return b"" if self.empty else self.zipper.flush()


def mend(descriptor: int) -> int:
    """
    End the last member of a file properly, behind its last whole line; return how many bytes could not be kept.

    Where lines stand behind the last flush, or there was none, the file is replaced by a new one, which the descriptor
    then is of, locked. Raises ValueError if the file is damaged before its end, or holds no JSON, and InputOutput if no
    new file can be written; then the old one is as it was.
    """
    end, kept, ending, position = last_whole(descriptor)
    size = os.fstat(descriptor).st_size
    if not ending and end == size:
        return 0
    written = end_of_content(descriptor, size)
    tail = Tail(descriptor, kept, size if size - written <= MOST_ZEROS else max(end, written))
    lines = tail.lines()
    if (first := next(lines, None)) is not None:
        replace(descriptor, end, ending, chain([first], lines))
        return tail.lost
    os.ftruncate(descriptor, end)
    os.write(descriptor, ending)
    return position - end


def last_whole(descriptor: int) -> tuple[int, int, bytes, int]:
    """
    Find where a file can be ended behind a whole line without unzipping what is before: a member's end, or a flush.

    Returns that place, how much text is before it, what ends the member there, and where the file ends.
    """
    position = end = kept = total = 0
    ending, last = b"", b"\n"
    unzipper, checksum, size = zlib.decompressobj(GZIP), 0, 0
    pieces = flushed_pieces(descriptor)
    for piece in pieces:
        rest = piece
        while rest:
            try:
                text = unzipper.decompress(rest)
            except zlib.error as error:
                if not rest.endswith(b"\0") or any(later.strip(b"\0") for later in pieces):
                    raise ValueError(f"it is damaged after {end} bytes") from error
                # After a power cut a file may have its length, and zeros where its content was not written yet.
                position = os.fstat(descriptor).st_size
                break
            if not size and text and not text.startswith(b"{"):
                raise ValueError("it holds something else than a recording")
            checksum, size = zlib.crc32(text, checksum), size + len(text)
            total, last = total + len(text), text[-1:] or last
            position += len(rest) - len(unzipper.unused_data)
            rest = unzipper.unused_data
            if unzipper.eof:
                if last == b"\n":
                    end, kept, ending = position, total, b""
                unzipper, checksum, size = zlib.decompressobj(GZIP), 0, 0
            elif last == b"\n" and piece.endswith(FLUSHED):
                closing = LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF)
                if ends(unzipper, closing):
                    end, kept, ending = position, total, closing
    return end, kept, ending, position


def end_of_content(descriptor: int, size: int) -> int:
    """Return where the zeros begin that a file ends in."""
    while size:
        start = max(0, size - PIECE_BYTES)
        content = os.pread(descriptor, size - start, start).rstrip(b"\0")
        if content:
            return start + len(content)
        size = start
    return 0


class Tail:
    """The text of the first `until` bytes of a torn file, without its own first `skip` bytes."""

    def __init__(self, descriptor: int, skip: int, until: int) -> None:
        self.descriptor, self.skip, self.until = descriptor, skip, until
        self.lost = 0
        """How many bytes were no whole lines; known when all lines were read."""

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines, several at once; raise ValueError if one of them is damaged, and not the last."""
        carried = b""
        for text in self.texts():
            *whole, carried = (carried + text).split(b"\n")
            if len(carried) > MAX_LINE_BYTES:
                raise ValueError("it holds something else than a recording")
            if sound := b"".join(line + b"\n" for line in whole if self.is_sound(line)):
                yield sound
        # A whole record may lack nothing but its newline.
        if carried and self.is_sound(carried):
            yield carried + b"\n"

    def is_sound(self, line: bytes) -> bool:
        try:
            sound = not line or isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            sound = False
        if sound and line and self.lost:
            raise ValueError("a line inside it is damaged")
        self.lost += 0 if sound else len(line)
        return sound

    def texts(self) -> Iterator[bytes]:
        """Unzip the file up to its tear."""
        unzipper, skip = zlib.decompressobj(GZIP), self.skip
        for piece in flushed_pieces(self.descriptor, self.until):
            rest = piece
            while rest:
                before = unzipper.copy()
                try:
                    text = unzipper.decompress(rest)
                except zlib.error:
                    yield sound_part(before, rest)[skip:]
                    return
                yield text[skip:]
                skip = max(0, skip - len(text))
                rest = unzipper.unused_data
                if unzipper.eof:
                    unzipper = zlib.decompressobj(GZIP)


def sound_part(unzipper: "zlib._Decompress", piece: bytes) -> bytes:
    """Unzip a piece that has a fault, up to it."""
    text = []
    with suppress(zlib.error):
        for at in range(len(piece)):
            text.append(unzipper.decompress(piece[at : at + 1]))
    return b"".join(text)


def replace(descriptor: int, end: int, ending: bytes, lines: Iterator[bytes]) -> None:
    """Replace a file by its start, ended, and a member of lines; the name has the old one or the whole new one."""
    path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    fresh = path.with_name(f".{path.name}.mended")
    old = os.fstat(descriptor)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        new = os.open(fresh, flags, old.st_mode & 0o777)
        try:
            # A second recorder that comes at any moment is refused.
            fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(PermissionError):
                os.fchown(new, old.st_uid, old.st_gid)
            with os.fdopen(os.dup(new), "ab") as file:
                for at in range(0, end, PIECE_BYTES):
                    file.write(os.pread(descriptor, min(PIECE_BYTES, end - at), at))
                packer = Packer(flush_seconds=float("inf"))
                file.write(ending)
                for text in lines:
                    file.write(packer.pack(text))
                file.write(packer.finish())
            os.fsync(new)
            fresh.replace(path)
            os.dup2(new, descriptor, inheritable=False)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        finally:
            os.close(new)
    except OSError as error:
        raise InputOutput(f"{path} cannot be mended, and is left as it is: {error.strerror}.") from error


def ends(unzipper: "zlib._Decompress", closing: bytes) -> bool:
    """Say whether a member may be closed here: compressed data may look like the end of a flush."""
    trial = unzipper.copy()
    try:
        trial.decompress(closing)
    except zlib.error:
        return False
    return trial.eof


def flushed_pieces(descriptor: int, until: int = sys.maxsize) -> Iterator[bytes]:
    """Give a file from its start, in pieces, one of which ends wherever a flush may have ended."""
    at, carried = 0, b""
    while piece := os.pread(descriptor, min(PIECE_BYTES, until - at), at):
        at += len(piece)
        *whole, rest = (carried + piece).split(FLUSHED)
        yield from (part + FLUSHED for part in whole)
        # The next piece may have the rest of a mark.
        carried = rest[1 - len(FLUSHED) :]
        yield rest[: len(rest) - len(carried)]
    yield carried

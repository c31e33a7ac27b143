"""
A zipped recording that survives its recorder: flushed at the end of a sample every few seconds, mended when continued.

Each run is a gzip member of its own. A recorder that is killed leaves its member open; whatever was flushed can be read
by any gunzip, but no member may follow before it is ended properly: that is what `mend` does.
"""

import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator

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
    End the last member of a file where its last flush was, unless it is ended; return how many bytes were removed.

    Raises ValueError if the file is damaged before its end, or holds no JSON.
    """
    position = end = 0
    ending = b""
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
            position += len(rest) - len(unzipper.unused_data)
            rest = unzipper.unused_data
            if unzipper.eof:
                end, ending = position, b""
                unzipper, checksum, size = zlib.decompressobj(GZIP), 0, 0
            elif piece.endswith(FLUSHED):
                closing = LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF)
                if ends(unzipper, closing):
                    end, ending = position, closing
    if ending or end < position:
        os.ftruncate(descriptor, end)
        os.write(descriptor, ending)
    return position - end


def ends(unzipper: "zlib._Decompress", closing: bytes) -> bool:
    """Say whether a member may be closed here: compressed data may look like the end of a flush."""
    trial = unzipper.copy()
    try:
        trial.decompress(closing)
    except zlib.error:
        return False
    return trial.eof


def flushed_pieces(descriptor: int) -> Iterator[bytes]:
    """Give a file from its start, in pieces, one of which ends wherever a flush may have ended."""
    at, carried = 0, b""
    while piece := os.pread(descriptor, PIECE_BYTES, at):
        at += len(piece)
        *whole, rest = (carried + piece).split(FLUSHED)
        yield from (part + FLUSHED for part in whole)
        # The next piece may have the rest of a mark.
        carried = rest[1 - len(FLUSHED) :]
        yield rest[: len(rest) - len(carried)]
    yield carried

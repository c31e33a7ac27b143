"""
A gzip file as a stream that gives all that can be read before it complains.

Python's own reader throws away up to 8 kB before a fault, and in a zipped recording these are minutes.
"""

import io
import zlib
from typing import IO

GZIP = 31
"""What zlib calls a stream with gzip's header and checksum."""
PIECE_BYTES = 16 << 10


class Unzipped(io.RawIOBase):
    """Raises EOFError where a file is cut, and zlib.error at a fault; zeros behind a member are padding."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.unzipper = zlib.decompressobj(GZIP)
        self.begun = False
        """Whether some of a member has been read."""
        self.rest = self.text = b""
        self.fault: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self.text:
            if self.fault is not None:
                raise self.fault
            if not self.fill():
                return 0
        size = min(len(buffer), len(self.text))
        buffer[:size], self.text = self.text[:size], self.text[size:]
        return size

    def fill(self) -> bool:
        """Unzip the next piece; say whether there was one."""
        piece, self.rest = self.rest or self.file.read(PIECE_BYTES), b""
        while piece and not self.begun and not (piece := piece.lstrip(b"\0")):
            piece = self.file.read(PIECE_BYTES)
        if not piece:
            if self.begun:
                self.fault = EOFError("the file is cut")
            return self.begun
        self.begun = True
        before = self.unzipper.copy()
        try:
            self.text = self.unzipper.decompress(piece)
        except zlib.error as error:
            self.text, self.fault = sound_part(before, piece), error
        if self.unzipper.eof:
            self.rest, self.unzipper, self.begun = self.unzipper.unused_data, zlib.decompressobj(GZIP), False
        return True

    def close(self) -> None:
        self.file.close()
        super().close()


def sound_part(unzipper: "zlib._Decompress", piece: bytes) -> bytes:
    """Unzip a piece that has a fault, up to it."""
    text = []
    try:
        for at in range(len(piece)):
            text.append(unzipper.decompress(piece[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(text)

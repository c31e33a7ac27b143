"""Samples made ready to be stored: encoded before anyone has to wait for it, and kept until their turn comes."""

import tempfile
import weakref
from collections.abc import Iterable, Iterator

from appliance.errors import InputOutput
from appliance.samples import Samples
from appliance.store import blocks
from appliance.store.blocks import Encoded
from appliance.store.times import Seen

MEMORY_BYTES = 16 << 20
"""More of one batch waits on the disk, in a file without a name."""


class Prepared:
    """The blocks of a batch; a sink for samples. Not to be used by two threads at once."""

    def __init__(self, samples: Iterable[Samples] = ()) -> None:
        self.clear()
        for part in samples:
            self.append(part)

    def append(self, samples: Samples) -> None:
        self.seen.add(samples)
        for piece in blocks.pieces(samples):
            block, data = blocks.encode(piece)
            self.blocks.append((block, self.file.tell(), len(data)))
            try:
                self.file.write(data)
            except OSError as error:
                raise InputOutput(
                    f"The folder for temporary files, {tempfile.gettempdir()}, cannot be written ({error.strerror}): "
                    "free space there, or name another with TMPDIR."
                ) from error

    @property
    def size(self) -> int:
        """How many bytes the data of the blocks have."""
        return sum(length for _, _, length in self.blocks)

    def clear(self) -> None:
        self.seen = Seen()
        self.blocks: list[tuple[Encoded, int, int]] = []
        self.file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - it lives as long as the blocks
        weakref.finalize(self, self.file.close)

    def __iter__(self) -> Iterator[Encoded]:
        """Give what is known of each block without its data."""
        return (block for block, _, _ in self.blocks)

    def with_data(self) -> Iterator[tuple[Encoded, bytes]]:
        for block, at, size in self.blocks:
            self.file.seek(at)
            yield block, self.file.read(size)

"""What a request may cost: every limit of the receiver, with its default."""

from dataclasses import dataclass

PIECE_BYTES = 64 << 10
"""How much of a body is held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    file_bytes: int = 100 << 20
    """An uploaded file, as sent and unzipped."""
    rows: int = 1_000_000
    form_bytes: int = 64 << 10
    """What a form may have besides its file."""
    parts: int = 8
    part_headers: int = 8
    part_header_bytes: int = 4096
    field_bytes: int = 4096

    trickle_bytes: int = 16 << 20
    """
    A trickle batch, as sent and unzipped.

    One sample of a small machine has 5 to 11 kB, one of a machine with 100 CPUs and as many disks about 100 kB: sixty
    of those are 6 MB. The longest single measurement that a recording may have fits too.
    """
    measurements: int = 20_000
    """In a trickle batch: sixty samples of ten sources and three hundred containers."""
    json_bytes: int = 4096
    """Any other JSON body."""
    json_depth: int = 8
    unzip_ratio: int = 200
    """Recordings shrink to 3 to 8 %; what shrinks this much more is made to fill a memory."""

    header_bytes: int = 16 << 10
    connections: int = 512
    threads: int = 16
    """Posts that wait for the disk side by side share a commit: with 8, a third fewer are answered."""
    idle_seconds: int = 30
    """After this long without a byte a connection is closed."""
    stop_seconds: int = 10
    """Requests that run when the receiver is stopped may take this long."""

    @property
    def upload_bytes(self) -> int:
        return self.file_bytes + self.form_bytes

    @property
    def body_bytes(self) -> int:
        """The longest body of any route."""
        return max(self.upload_bytes, self.trickle_bytes, self.json_bytes)

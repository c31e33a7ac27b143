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
    threads: int = 8
    idle_seconds: int = 30
    """After this long without a byte a connection is closed."""
    stop_seconds: int = 10
    """Requests that run when the receiver is stopped may take this long."""

    sessions: int = 2000
    """People who have signed in with a browser; beyond it, who was idle for longest signs in again."""
    sessions_of_a_key: int = 100
    session_idle_seconds: int = 3600
    """Nobody's upload takes as long."""
    session_seconds: int = 12 * 3600
    """After this long everyone signs in again."""

    @property
    def upload_bytes(self) -> int:
        return self.file_bytes + self.form_bytes

    @property
    def body_bytes(self) -> int:
        """The longest body of any route."""
        return max(self.upload_bytes, self.trickle_bytes, self.json_bytes)

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
    headers: int = 64
    connections: int = 512
    """In all; fewer where the system gives a process fewer files."""
    stranger_connections: int = 20
    """
    Of one address, as long as they have not shown a valid key.

    All collectors behind one router come from one address, so that those with a key only count among all. Addresses of
    proxies that are trusted, and a unix socket, are nobody's.
    """
    threads: int = 16
    """Posts that wait for the disk side by side share a commit: with 8, a tenth fewer are answered."""
    staged_bytes: int = 512 << 20
    """Bodies that are being received or stored: what they may take on the disk in all, as their heads declare them."""
    tenant_staged_bytes: int = 256 << 20
    """The same of one tenant: two of the longest uploads, or thousands of small ones."""

    idle_seconds: int = 30
    """After this long without a byte a connection is closed."""
    full_idle_seconds: int = 2
    """The same while there are as many connections as there may be and another comes: who has asked nothing so long."""
    handshake_seconds: int = 5
    header_seconds: int = 10
    """From a request's first byte to the end of its head."""
    body_seconds: int = 20
    """A body has this long whatever it brings; then it must have come at `least_bytes_per_second` on the whole."""
    least_bytes_per_second: int = 8000
    upload_seconds: int = 300
    """No body may take longer."""
    write_seconds: int = 60
    """As long as an answer is sent, it must go at `least_bytes_per_second` on the whole of each such span."""
    linger_seconds: int = 2
    """Who is refused before all of the body is here is listened to for so long, so that the answer arrives."""
    stop_seconds: int = 10
    """Requests that run when the receiver is stopped may take this long."""

    # How often. A key is one team's on all its boxes: a thousand boxes that post every second, boxes that come back
    # after six hours with all that waited, and a nightly job that uploads from each box at the same minute must all
    # get through with the defaults. A key cannot be guessed; what the first limit saves is the cost of refusing.
    bad_keys_per_minute: int = 20
    """Of one address."""
    posts_per_minute: int = 60_000
    """Of one key, trickled."""
    uploads_per_minute: int = 600
    """Of one key."""
    remembered: int = 10_000
    """Addresses, and keys, whose rates are remembered; who has not come for the longest time is forgotten."""

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

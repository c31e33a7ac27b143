"""
Slow start: how fast a backlog is sent, so that senders which come back together do not break their receiver.

One batch in the first second, two in the next, then four, and so on up to a limit, which holds until nothing waits.
"""

MOST_PER_SECOND = 8
LONGEST_SECONDS = 30
"""After so many doublings any limit is reached."""


class SlowStart:
    """Times are on any clock that does not go back."""

    def __init__(self, most_per_second: float = MOST_PER_SECOND) -> None:
        self.most_per_second = most_per_second
        self.began: float | None = None
        """When the first batch of a backlog was sent; None where nothing is held back."""
        self.next = 0.0

    def begin(self, now: float) -> None:
        """Begin with the batch that was just answered, as after an outage."""
        self.began, self.next = now, now + 1

    def pause_seconds(self, now: float) -> float:
        """Return how long the next batch is to wait, and count it as sent then."""
        if self.began is None:
            return 0.0
        at = max(now, self.next)
        self.next = at + 1 / min(2 ** min(int(at - self.began), LONGEST_SECONDS), self.most_per_second)
        return at - now

    def end(self) -> None:
        """Nothing waits any more: what comes is sent as it comes."""
        self.began = None

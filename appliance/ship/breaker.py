"""
A circuit breaker: after some failures in a row a receiver is left alone for a while, and then asked with one batch.

Closed is the normal state. Open: nothing is sent. Half open: one batch is on its way, which decides.
"""

from enum import Enum

FAILURES = 5
OPEN_SECONDS = 60.0


class State(Enum):
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"

    @property
    def number(self) -> int:
        """For charts: 0 is good."""
        return list(State).index(self)


class Breaker:
    """Times are on any clock that does not go back."""

    def __init__(self, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS) -> None:
        self.limit, self.open_seconds = failures, open_seconds
        self.state = State.CLOSED
        self.failures = 0
        """In a row."""
        self.opened = 0
        """How often it opened."""
        self.until = 0.0
        """When an open one may be tried."""

    def may_send(self, now: float) -> bool:
        """Say whether a batch may be sent; an open breaker whose time is over lets one through."""
        if self.state is State.OPEN and now >= self.until:
            self.state = State.HALF_OPEN
            return True
        return self.state is State.CLOSED

    def probe(self) -> None:
        """Let one batch through, however long it was open: there is no other chance."""
        if self.state is State.OPEN:
            self.state = State.HALF_OPEN

    def succeeded(self) -> None:
        self.state, self.failures = State.CLOSED, 0

    def failed(self, now: float) -> None:
        self.failures += 1
        if self.state is State.HALF_OPEN or self.failures >= self.limit:
            self.opened += self.state is State.CLOSED
            self.state, self.until = State.OPEN, now + self.open_seconds

"""What the receiver knows of itself: since when it runs, what it has received, whether its store answers."""

import threading
import time
from collections.abc import Callable


class Status:
    """May be used by any thread."""

    def __init__(self, database: Callable[[], str], store: str = "") -> None:
        self.database = database
        """Says "healthy", or what is wrong."""
        self.store = store
        """Which store it has, and of which epoch."""
        self.connections: Callable[[], int] = lambda: 0
        """How many connections are open; the server says so."""
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.measurements = 0

    @property
    def uptime_seconds(self) -> int:
        return int(time.monotonic() - self.started)

    def received(self, measurements: int) -> None:
        with self.lock:
            self.measurements += measurements

"""What the receiver knows of itself: since when it runs, what it answered and received, whether its store answers."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from appliance.prometheus import Durations

ACTIVE_SECONDS = 15 * 60
MOST_MACHINES = 20_000
EXPIRES_SOON_SECONDS = 14 * 24 * 3600
UPLOADS = ("/api/v1/performance/upload", "/upload")
"""The routes that take a file: from programs and from people."""


class Status:
    """May be used by any thread."""

    def __init__(self, database: Callable[[], str], store: str = "", metrics_token: str = "") -> None:
        self.database = database
        """Says "healthy", or what is wrong."""
        self.store = store
        """Which store it has, and of which epoch."""
        self.metrics_token = metrics_token
        """Who shows it may read the metrics; without one, who asks from this machine."""
        self.connections: Callable[[], int] = lambda: 0
        """How many connections are open; the server says so."""
        self.waiting: Callable[[], int] = lambda: 0
        """How many requests wait for a thread; the server says so."""
        self.staged_bytes: Callable[[], int] = lambda: 0
        """What bodies take that are being received or stored; the application says so."""
        self.certificate_expires: Callable[[], float | None] = lambda: None
        """Until when the certificate is valid, in Unix seconds; the server says so where it has one."""
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.measurements = 0
        self.rows = 0
        self.answers: Counter[tuple[str, str, str]] = Counter()
        """By method, route and status."""
        self.refused_connections: Counter[str] = Counter()
        """By error code."""
        self.uploads, self.posts = Durations(), Durations()
        self.machines: OrderedDict[int, float] = OrderedDict()
        """When each was heard of, by a number of its own, the last one last."""

    @property
    def uptime_seconds(self) -> int:
        return int(time.monotonic() - self.started)

    @property
    def certificate_is_good(self) -> bool:
        expires = self.certificate_expires()
        return expires is None or expires - time.time() > EXPIRES_SOON_SECONDS

    def received(self, measurements: int) -> None:
        with self.lock:
            self.measurements += measurements

    def imported(self, rows: int) -> None:
        """Count rows that an upload brought."""
        with self.lock:
            self.rows += rows

    def heard_of(self, tenant: str, machine: str) -> None:
        """Remember that a machine is active: of more than a receiver has, those heard of last."""
        now, name = time.monotonic(), hash((tenant, machine))
        with self.lock:
            self.machines[name] = now
            self.machines.move_to_end(name)
            while len(self.machines) > MOST_MACHINES or next(iter(self.machines.values())) < now - ACTIVE_SECONDS:
                self.machines.popitem(last=False)

    def active_machines(self) -> int:
        since = time.monotonic() - ACTIVE_SECONDS
        with self.lock:
            return sum(at >= since for at in self.machines.values())

    def answered(self, method: str, route: str, status: str, seconds: float) -> None:
        with self.lock:
            # Only methods of routes: anyone may make up others.
            self.answers[method if route != "-" else "-", route, status] += 1
            if method == "POST" and route in UPLOADS:
                self.uploads.add(seconds)
            elif route.endswith("/trickle"):
                self.posts.add(seconds)

    def refused(self, error_code: str) -> None:
        """Count a connection that was refused as it came."""
        with self.lock:
            self.refused_connections[error_code] += 1

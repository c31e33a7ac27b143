"""How often, and how much at once: token buckets, the space that bodies take, the connections of strangers."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from appliance.errors import Unavailable
from appliance.receive.answers import Refused
from appliance.receive.limits import Limits


class Buckets:
    """
    A bucket of tokens for each name: full at first, a token an event, filled again over a minute.

    May be used by any thread. Remembers so many names and no more: who has not come for the longest time is forgotten,
    which is the same as full.
    """

    def __init__(self, per_minute: int, remembered: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.remembered, self.clock = per_minute, remembered, clock
        self.lock = threading.Lock()
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By name the tokens that are left and when that was."""

    def wait_seconds(self, name: str) -> float:
        """Take a token and return 0, or return how long it takes until there is one."""
        now = self.clock()
        with self.lock:
            left, then = self.buckets.get(name, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - then) * self.per_minute / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
            self.buckets[name] = (left if wait else left - 1, now)
            self.buckets.move_to_end(name)
            if len(self.buckets) > self.remembered:
                self.buckets.popitem(last=False)
        return wait


class Rates:
    """What the receiver counts of those who ask."""

    def __init__(self, limits: Limits) -> None:
        self.bad_keys = Buckets(limits.bad_keys_per_minute, limits.remembered)
        self.posts = Buckets(limits.posts_per_minute, limits.remembered)
        self.uploads = Buckets(limits.uploads_per_minute, limits.remembered)


def take(buckets: Buckets, name: str, what: str) -> None:
    """Count an event; raise RATE_LIMITED if there were too many of this name."""
    if wait := buckets.wait_seconds(name):
        raise Refused(
            429, "RATE_LIMITED", f"There were too many {what}: at most {buckets.per_minute} a minute are taken.",
            headers={"Retry-After": str(int(wait) + 1)}, details={"per_minute": buckets.per_minute},
        )  # fmt: skip


class Staging:
    """The space on the disk that bodies take while they are received and stored; may be used by any thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lock = threading.Lock()
        self.taken: Counter[str] = Counter()
        """By tenant, in bytes."""

    def take(self, tenant: str, size: int) -> Callable[[], None]:
        """Take space for a body and return how to give it back; raise RATE_LIMITED or OVERLOADED if there is none."""
        with self.lock:
            if self.taken[tenant] and self.taken[tenant] + size > self.limits.tenant_staged_bytes:
                raise Refused(429, "RATE_LIMITED", "Too much is being uploaded for this tenant at once: try again.")
            if self.taken and self.taken.total() + size > self.limits.staged_bytes:
                raise Unavailable("too much is being uploaded at once.")
            self.taken[tenant] += size
        return lambda: self.give_back(tenant, size)

    def total(self) -> int:
        with self.lock:
            return self.taken.total()

    def give_back(self, tenant: str, size: int) -> None:
        with self.lock:
            self.taken[tenant] -= size
            if not self.taken[tenant]:
                del self.taken[tenant]


class Strangers:
    """How many connections an address has that have not shown a valid key; may be used by any thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.connections: Counter[str] = Counter()

    def come(self, name: str) -> bool:
        """Count one more, unless there are too many."""
        with self.lock:
            if self.connections[name] >= self.most:
                return False
            self.connections[name] += 1
            return True

    def gone(self, name: str) -> None:
        with self.lock:
            self.connections[name] -= 1
            if not self.connections[name]:
                del self.connections[name]

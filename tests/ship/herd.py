"""
Many collectors whose receiver was away and comes back: each a real sender with a backlog in memory.

Their times are a tenth or twentieth of those of real ones.
"""

import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

from collecting import RUN, sample
from long_road import TENANT, Receiver

from appliance.ship.queue import Queue
from appliance.ship.sender import Pace, Sender
from appliance.store import history
from appliance.store.tenant import TenantStore

PACE = Pace(5, 1, first_seconds=0.1, longest_seconds=3, open_seconds=3, most_per_second=8)
BATCHES = 8
SETTLE_SECONDS = 2.5
"""How long the senders see that the receiver is away: each has opened its circuit breaker."""
ASKING = """
import sys, time, urllib.request
slowest = 0
while True:
    started = time.monotonic()
    urllib.request.urlopen(sys.argv[1], timeout=60).read()
    slowest = max(slowest, time.monotonic() - started)
    print(slowest, flush=True)
    time.sleep(0.25)
"""


class Impatient(Sender):
    """A sender that spares nobody: for controls."""

    def spread(self) -> float:
        return 0

    def backoff(self) -> float:
        return min(self.pace.longest_seconds, self.pace.first_seconds * 2 ** max(self.breaker.failures - 1, 0))

    def hold_back(self, seconds: float) -> None:
        """Not at all."""


@dataclass(frozen=True, slots=True)
class Return:
    """How it went when the receiver came back."""

    by_second: list[int]
    """Batches that were stored in each second from the first one on."""
    failed: int
    """Requests that failed once the receiver was there."""
    slowest_health_seconds: float
    stored: set[int]
    """How many samples are stored of the machines, whichever they are."""

    @property
    def first(self) -> int:
        """Batches of the first two seconds: one and two of each sender, were they all to begin at once."""
        return sum(self.by_second[:2])


def come_back(receiver: Receiver, count: int, kind: type[Sender] = Sender) -> Return:
    """Let `count` senders wait for a receiver, each with a backlog, and start it."""
    usual = threading.stack_size(256 << 10)
    names = [f"web-{number}" for number in range(count)]
    senders = [kind(receiver.url, lambda: receiver.key, Queue(name), PACE) for name in names]
    for sender in senders:
        for number in range(BATCHES * PACE.batch_samples):
            sender.put(RUN, sample(number))
        sender.start()
    threading.stack_size(usual)
    time.sleep(SETTLE_SECONDS)
    receiver.start()
    failed = sum(sender.failed for sender in senders)
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING, f"{receiver.url}/health"], stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while any(len(sender.waiting) for sender in senders) and time.monotonic() < deadline:
        time.sleep(0.5)
    asking.kill()
    health = asking.communicate()[0].split()
    for sender in senders:
        sender.finish(0)
    for sender in senders:
        sender.join(40)
    receiver.end()
    with TenantStore(receiver.data, TENANT, read_only=True) as store:
        rows = store.database.execute_sql("SELECT received_ms FROM batch ORDER BY id").fetchall()
        stored = {history.machine(store, name).samples for name in names}
    seconds = Counter((at - rows[0][0]) // 1000 for (at,) in rows)
    return Return(
        [seconds[second] for second in range(max(seconds) + 1)],
        sum(sender.failed for sender in senders) - failed, float(health[-1]), stored,
    )  # fmt: skip

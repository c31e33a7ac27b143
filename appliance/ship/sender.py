"""
The sender: takes samples at once and sends them in a thread of its own, so that a slow receiver never delays sampling.

A batch stays in the queue until the receiver has said that it is stored; until then it is sent again, byte for byte.
"""

import http.client
import logging
import random
import threading
import time
import zlib
from dataclasses import dataclass

from appliance import __version__
from appliance.ship import trickle
from appliance.ship.connection import Connection
from appliance.ship.queue import Batch, Queue
from appliance.ship.trickle import Verdict

logger = logging.getLogger(__name__)
GZIP = 31
"""What zlib calls a stream with gzip's header and checksum."""
LEVEL = 6
"""A third smaller than the fastest, for 30 µs more a sample; what comes above takes twice the time for a twentieth."""


@dataclass(frozen=True, slots=True)
class Pace:
    batch_samples: int = 60
    batch_seconds: float = 10
    """A sample waits at most this long for others."""
    first_seconds: float = 1
    longest_seconds: float = 60
    """Retries wait between 0 and a time that doubles from the one to the other."""
    pause_seconds: float = 300
    """How long a key that is not accepted is given before it is tried again."""


class Sender(threading.Thread):
    def __init__(self, url: str, key: str, machine: str, queue: Queue, pace: Pace) -> None:
        super().__init__(name="sender", daemon=True)
        self.url, self.machine, self.queue, self.pace = url, machine, queue, pace
        self.connection = Connection(url)
        self.headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": f"perfanalysis/{__version__}",
            # The original receiver knows only the first, other servers before ours may know only the second.
            "apikey": key,
            "Authorization": f"Bearer {key}",
        }
        self.changed = threading.Condition()
        self.deadline: float | None = None
        """When to give up, on the monotonic clock: set when there will be no more samples."""
        self.limit = pace.batch_samples
        self.failures = 0
        self.sent = 0
        self.refused = 0
        """Samples that the receiver will never take: they are dropped."""
        self.trouble = ""
        """Why the last batch was not stored, in words."""
        self.defect: Exception | None = None

    def put(self, run: int, lines: bytes) -> None:
        """Take one sample of a run, the lines of a recording."""
        if self.defect is not None:
            raise self.defect
        with self.changed:
            self.queue.put(run, lines)
            if len(self.queue) in (1, self.pace.batch_samples):
                self.changed.notify()

    def finish(self, seconds: float) -> None:
        """Send what waits, for so many seconds at most; the thread ends when it is done or gives up."""
        with self.changed:
            self.deadline = time.monotonic() + seconds
            self.changed.notify()

    @property
    def unsent(self) -> int:
        with self.changed:
            return len(self.queue)

    def run(self) -> None:
        try:
            while (batch := self.next_batch()) is not None:
                self.deliver(batch)
        except Exception as error:  # noqa: BLE001
            # The thread's boundary: the recorder's thread raises it at the next sample.
            self.defect = error
        finally:
            self.connection.close()

    def next_batch(self) -> Batch | None:
        """Wait until a batch is full or old enough, and return it; None when all is over."""
        with self.changed:
            while self.deadline is None:
                since = self.queue.since
                due = None if since is None else since + self.pace.batch_seconds - time.monotonic()
                if due is not None and (due <= 0 or len(self.queue) >= self.limit):
                    break
                self.changed.wait(due)
            if len(self.queue) and not self.given_up:
                return self.queue.batch(self.limit)
            return None

    def deliver(self, batch: Batch) -> None:
        """Send a batch until it is decided what becomes of it, or the time is over."""
        content = trickle.body(self.machine, batch.run, batch.samples)
        digest = trickle.digest(self.machine, content)
        packed = zlib.compress(content, LEVEL, GZIP)
        while not self.given_up:
            verdict, reason, wanted_seconds = self.send(packed, digest)
            if verdict is Verdict.STORED:
                self.sent += len(batch.samples)
                self.done_with(batch)
                return
            if verdict is Verdict.TOO_LARGE and len(batch.samples) > 1:
                self.limit = len(batch.samples) // 2
                logger.info("%s takes no %d samples at once: %s.", self.url, len(batch.samples), reason)
                return
            if verdict in (Verdict.TOO_LARGE, Verdict.REFUSED):
                self.refused += len(batch.samples)
                logger.error("%s refuses %d samples, which are lost: %s.", self.url, len(batch.samples), reason)
                self.done_with(batch)
                return
            if reason != self.trouble:
                logger.warning("%s takes no samples, which wait: %s.", self.url, reason)
                self.trouble = reason
            if verdict is Verdict.PAUSED:
                if self.deadline is not None:
                    self.finish(0)
                self.wait(self.pace.pause_seconds)
            else:
                self.wait(max(wanted_seconds, self.backoff()))

    def send(self, packed: bytes, digest: str) -> tuple[Verdict, str, float]:
        """Send once; return what came of it, why, and the seconds that the receiver asks us to wait."""
        try:
            answer = self.connection.post(trickle.PATH, packed, self.headers)
        except OSError as error:
            return Verdict.AGAIN, error.strerror or str(error) or type(error).__name__, 0
        except http.client.HTTPException as error:
            return Verdict.AGAIN, f"it does not answer in HTTP ({type(error).__name__})", 0
        verdict, reason = trickle.judge(answer.status, answer.body, digest)
        return verdict, reason, trickle.retry_after(answer.headers.get("Retry-After"), time.time())

    def done_with(self, batch: Batch) -> None:
        if self.trouble:
            logger.warning("%s takes samples again.", self.url)
        self.trouble, self.failures = "", 0
        with self.changed:
            self.queue.remove(batch.last)

    def backoff(self) -> float:
        """Return how long to wait: anything up to a time that doubles, so that many senders do not come at once."""
        longest = min(self.pace.longest_seconds, self.pace.first_seconds * 2 ** min(self.failures, 30))
        self.failures += 1
        return random.uniform(0, longest)  # noqa: S311

    def wait(self, seconds: float) -> None:
        """Wait, but not past the deadline; and when one is set meanwhile, try at once."""
        with self.changed:
            if self.deadline is not None:
                seconds = min(seconds, self.deadline - time.monotonic())
                self.changed.wait_for(lambda: self.given_up, seconds)
            else:
                self.changed.wait_for(lambda: self.deadline is not None, seconds)

    @property
    def given_up(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

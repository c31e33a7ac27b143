"""
The sender: takes samples at once and sends them in a thread of its own, so that a slow receiver never delays sampling.

A batch waits until the receiver has said that it is stored; until then it is sent again, byte for byte.
"""

import logging
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from appliance import memory
from appliance.errors import BadConfiguration, BadData, InvalidKey, PerfanalysisError, Unavailable
from appliance.prometheus import Durations
from appliance.ship import keys, trickle
from appliance.ship.batch import Batch
from appliance.ship.breaker import Breaker, State
from appliance.ship.connection import Connection, NotHTTP
from appliance.ship.letters import Letters
from appliance.ship.sent import Packed, Sent
from appliance.ship.slow_start import MOST_PER_SECOND, SlowStart
from appliance.ship.trickle import Verdict

logger = logging.getLogger(__name__)
GZIP = 31
"""What zlib calls a stream with gzip's header and checksum."""
LEVEL = 7
"""A third smaller than the fastest, for 40 µs more a sample; what comes above takes twice the time for a fortieth."""
LONGEST_SPREAD_SECONDS = 60
FITTING = 8
"""After so many batches that fit, twice as many samples are tried again."""
LOOK_SECONDS = 0.005
"""How long who asks for the state waits for a busy disk."""
FAILURES: dict[Verdict, type[PerfanalysisError]] = {
    Verdict.AGAIN: Unavailable,
    Verdict.ELSEWHERE: BadConfiguration,
    Verdict.PAUSED: InvalidKey,
    Verdict.TOO_LARGE: BadData,
    Verdict.REFUSED: BadData,
}


class Waiting(Protocol):
    """Where samples wait: a spool, or a queue in memory."""

    @property
    def since(self) -> float | None: ...
    def __len__(self) -> int: ...
    def put(self, run: int, lines: bytes) -> object: ...
    def batch(self, limit: int) -> Batch | None: ...
    def remove(self, last: int) -> None: ...
    def state(self) -> dict[str, int]: ...


class Pace(NamedTuple):
    batch_samples: int = 60
    batch_seconds: float = 10
    """A sample waits at most this long for others."""
    first_seconds: float = 1
    longest_seconds: float = 60
    """Retries wait between 0 and a time that doubles from the one to the other."""
    pause_seconds: float = 300
    """How long a key that is not accepted is given before it is tried again."""
    open_seconds: float = 60
    """How long a receiver is left alone that failed some times in a row."""
    request_seconds: float = 60
    """How long a request may take, however busy the connection is meanwhile."""
    most_per_second: float = MOST_PER_SECOND
    """Batches of a backlog."""


class Attempt(NamedTuple):
    verdict: Verdict
    failure: PerfanalysisError | None
    """Why it is not stored."""
    wanted_seconds: float = 0
    """How long the receiver asks us to wait."""
    store: str = ""
    """Which store has it, if the receiver says so."""

    @property
    def reason(self) -> str:
        """The failure in words that end without a full stop."""
        return self.failure.message.rstrip(".") if self.failure else ""


class Sender(threading.Thread):
    def __init__(
        self, url: str, key: Callable[[], str], waiting: Waiting, pace: Pace | None = None, *,
        ca_file: Path | None = None, letters: Letters | None = None, kept: Sent | None = None,
    ) -> None:  # fmt: skip
        """`key` is asked when it is needed, and again when it was not accepted; it may raise a PerfanalysisError."""
        super().__init__(name="sender", daemon=True)
        self.url, self.key, self.waiting, self.pace = url, key, waiting, pace or Pace()
        self.connection = Connection(url, ca_file)
        self.letters = letters or Letters(None)
        self.kept = kept or Sent(None)
        self.again: Iterator[Packed] | None = None
        """What is offered again, to a receiver that may have lost it."""
        self.again_store = ""
        """Whose store that is."""
        self.sent_again = 0
        """Samples."""
        self.headers: dict[str, str] = {}
        self.changed = threading.Condition()
        self.deadline: float | None = None
        """When to give up, on the monotonic clock: set when there will be no more samples."""
        self.limit = self.pace.batch_samples
        self.fitting = 0
        """Batches that were not too large, one after the other."""
        self.breaker = Breaker(open_seconds=self.pace.open_seconds)
        self.slow_start = SlowStart(self.pace.most_per_second)
        self.sent = self.refused = self.attempts = self.failed = 0
        """`refused` are samples that the receiver will never take."""
        self.last_success = 0.0
        """By the wall clock."""
        self.next_try = 0.0
        """When the receiver is asked again that failed, by the wall clock; 0 where that is not waited for."""
        self.asked = 0.0
        """When the request that is under way began, on the monotonic clock; 0 where none is."""
        self.endless = False
        """Whether it was ended since it took too long."""
        self.durations = Durations()
        self.failure: PerfanalysisError | None = None
        """Why the last batch was not stored."""
        self.known = waiting.state()
        self.defect: Exception | None = None

    # For the recorder's thread

    def put(self, run: int, lines: bytes) -> None:
        """Take one sample of a run, the lines of a recording."""
        if self.defect is not None:
            raise self.defect
        self.end_endless()
        with self.changed:
            self.waiting.put(run, lines)
            if len(self.waiting) in (1, self.pace.batch_samples):
                self.changed.notify()

    def end_endless(self) -> None:
        """End a request that takes too long: each byte of an answer may come in time, and its end never."""
        if self.asked and time.monotonic() - self.asked > self.pace.request_seconds:
            self.endless = True
            self.connection.abort()

    def finish(self, seconds: float) -> None:
        """Send what waits, for so many seconds at most; the thread ends when it is done or gives up."""
        with self.changed:
            self.deadline = time.monotonic() + seconds
            self.changed.notify()

    @property
    def unsent(self) -> int:
        with self.changed:
            return len(self.waiting)

    @property
    def trouble(self) -> str:
        """Why the last batch was not stored, in words that end without a full stop."""
        return self.failure.message.rstrip(".") if self.failure else ""

    def state(self) -> dict[str, int]:
        """Return what there is to know of the road to the receiver, in whole numbers: for a collector's own record."""
        # Who samples asks: while the disk is busy the last answer has to do.
        if self.changed.acquire(timeout=LOOK_SECONDS):
            try:
                self.known = self.waiting.state()
            finally:
                self.changed.release()
        return {
            **self.known,
            "sent": self.sent,
            "refused": self.refused,
            "refused_lost": self.letters.lost,
            "attempts": self.attempts,
            "attempts_failed": self.failed,
            "breaker": self.breaker.state.number,
            "breaker_opened": self.breaker.opened,
            "last_success": int(self.last_success),
        }

    # The thread

    def run(self) -> None:
        try:
            # Many that were started at once do not bring what waited all at once.
            self.hold_back(self.spread() if self.unsent else 0)
            while not self.over:
                batch = self.next_batch()
                if batch is not None:
                    self.hold_back(self.slow_start.pause_seconds(time.monotonic()))
                    self.deliver(batch)
                    del batch
                    memory.give_back()
                # One of these after each new one: neither keeps the other waiting.
                if self.again is not None and not self.given_up:
                    self.offer_again(self.again)
        except Exception as error:  # noqa: BLE001
            # The thread's boundary: the recorder's thread raises it at the next sample.
            self.defect = error
        finally:
            self.connection.close()
            if self.again is not None:
                logger.warning("What %s may have lost is offered again by the next collect.", self.url)

    @property
    def over(self) -> bool:
        return self.given_up or (self.deadline is not None and not self.unsent and self.again is None)

    def next_batch(self) -> Batch | None:
        """Wait until a batch is full or old enough, and return it; None when all is over or some is offered again."""
        # The first one goes sooner, so that those that were started at once do not go on sending at once.
        wait_seconds = self.pace.batch_seconds if self.attempts else self.spread()
        with self.changed:
            while self.deadline is None:
                since = self.waiting.since
                due = None if since is None else since + wait_seconds - time.monotonic()
                if due is not None and (due <= 0 or len(self.waiting) >= self.limit):
                    break
                if self.again is not None:
                    return None
                self.slow_start.end()
                self.changed.wait(due)
            return None if self.given_up else self.waiting.batch(self.limit)

    def deliver(self, batch: Batch) -> None:
        """Send a batch until it is decided what becomes of it, or the time is over."""
        packed = pack(batch)
        answer = self.send_until_decided(packed)
        if answer is not None:
            self.decided(batch, packed, answer)

    def send_until_decided(self, packed: Packed) -> Attempt | None:
        """Send again and again until it is stored or refused, and return that; None if the time is over."""
        while not self.given_up:
            if not self.breaker.may_send(time.monotonic()):
                if self.deadline is None:
                    self.rest(self.breaker.until - time.monotonic() + self.spread())
                    continue
                self.breaker.probe()
            if self.breaker.state is State.HALF_OPEN:
                logger.info("%s is asked again, with one batch (circuit breaker half-open).", self.url)
            answer = self.send(packed)
            if answer.verdict in (Verdict.AGAIN, Verdict.ELSEWHERE):
                self.failed_once(answer)
                # Those that are told to wait equally long do not come back at once.
                self.rest(answer.wanted_seconds + self.backoff(), answer.wanted_seconds)
            elif answer.verdict is Verdict.PAUSED:
                self.paused(answer)
            else:
                self.answered()
                return answer
        return None

    def send(self, packed: Packed) -> Attempt:
        """Send once and return what came of it."""
        self.attempts += 1
        self.asked, self.endless = (started := time.monotonic()), False
        try:
            headers = {**(self.headers or self.made_headers()), trickle.RUN_HEADER: str(packed.run)}
            answer = self.connection.post(trickle.PATH, packed.content, headers)
        except PerfanalysisError as error:
            # A key or a certificate that only a person can mend.
            return Attempt(Verdict.PAUSED, error)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            return self.attempt(Verdict.AGAIN, f"it cannot be reached: {reason}")
        except NotHTTP as error:
            return self.attempt(Verdict.AGAIN, f"it does not answer in HTTP ({error})")
        finally:
            self.asked = 0.0
            self.durations.add(time.monotonic() - started)
        verdict, reason, store = trickle.judge(answer.status, answer.body, packed.digest)
        if verdict is Verdict.PAUSED and (key_id := keys.id_of(self.headers.get("apikey", ""))):
            reason = f"{reason} (key {key_id})"
        wanted_seconds = trickle.retry_after(answer.headers.get("retry-after"), time.time())
        return self.attempt(verdict, reason, wanted_seconds, store)

    def attempt(self, verdict: Verdict, reason: str, wanted_seconds: float = 0, store: str = "") -> Attempt:
        if self.endless and verdict in (Verdict.AGAIN, Verdict.ELSEWHERE):
            verdict, reason = Verdict.AGAIN, f"its answer had no end within {self.pace.request_seconds:g} s"
        kind = FAILURES.get(verdict)
        return Attempt(verdict, kind(f"{self.url}: {reason}.") if kind else None, wanted_seconds, store)

    def made_headers(self) -> dict[str, str]:
        key = self.key()
        self.headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            # The original receiver knows only the first, other servers before ours may know only the second.
            "apikey": key,
            "Authorization": f"Bearer {key}",
        }
        return self.headers

    # What came of it

    def decided(self, batch: Batch, packed: Packed, answer: Attempt) -> None:
        """Do what an answer wants: forget the batch, halve the next one, or put it aside."""
        count = len(batch.samples)
        if answer.verdict is Verdict.TOO_LARGE and count > 1:
            self.limit, self.fitting = count // 2, 0
            logger.info("%d samples are too many at once: %s.", count, answer.reason)
            return
        if answer.failure is None:
            self.sent += count
            self.last_success = time.time()
            if self.failure is not None:
                logger.warning("%s takes samples again.", self.url)
        else:
            self.refused += count
            self.letters.keep(batch, answer.reason)
        self.failure = answer.failure
        with self.changed:
            if answer.store:
                # Before it is removed: whoever is killed in between keeps it twice, and loses nothing.
                self.kept.keep(packed)
            self.waiting.remove(batch.last)
            self.fitting += 1
            if not len(self.waiting):
                # What was too large was a backlog, or is over.
                self.limit = self.pace.batch_samples
            elif not self.fitting % FITTING:
                # A proxy may have been wrong once: to send a backlog in small pieces for that would take hours.
                self.limit = min(self.limit * 2, self.pace.batch_samples)
        self.stored_in(answer.store)

    def stored_in(self, store: str) -> None:
        """Offer all that is kept to a receiver whose store is not the one that had it."""
        if not self.kept.keeping or not store or store in (*self.kept.stores, self.again_store):
            return
        if not self.kept.stores:
            self.kept.has_them(store)
            return
        logger.warning(
            "%s has another store than before, as after a restore: what was sent in the last time is offered again.",
            self.url,
        )
        self.again, self.again_store = self.kept.batches(), store
        self.slow_start.begin(time.monotonic())

    def offer_again(self, batches: Iterator[Packed]) -> None:
        """Send the next of what was sent before: a receiver that has it says so, and stores nothing twice."""
        packed = next(batches, None)
        if packed is None:
            logger.warning("%s has again what was sent before (%d samples).", self.url, self.sent_again)
            self.kept.has_them(self.again_store)
            self.again, self.again_store = None, ""
            return
        self.hold_back(self.slow_start.pause_seconds(time.monotonic()))
        answer = self.send_until_decided(packed)
        if answer is None:
            return
        if answer.failure is None:
            self.sent_again += packed.samples
            self.stored_in(answer.store)
        else:
            logger.warning("%d samples that it had before are not taken again: %s.", packed.samples, answer.reason)

    def failed_once(self, answer: Attempt) -> None:
        self.complain(answer)
        before = self.breaker.state
        self.breaker.failed(time.monotonic())
        self.failed += 1
        if before is State.CLOSED and self.breaker.state is State.OPEN and self.deadline is None:
            logger.warning(
                "%s failed %d times in a row: it is asked every %.0f s from now on (circuit breaker open).",
                self.url, self.breaker.failures, self.pace.open_seconds,
            )  # fmt: skip
        elif before is State.HALF_OPEN:
            logger.info("%s failed again (circuit breaker open).", self.url)

    def answered(self) -> None:
        if self.breaker.state is not State.CLOSED:
            logger.warning("%s answers again (circuit breaker closed).", self.url)
        if self.breaker.state is not State.CLOSED or not self.sent + self.refused:
            self.slow_start.begin(time.monotonic())
        self.breaker.succeeded()

    def paused(self, answer: Attempt) -> None:
        """Wait until a person may have done something; at the end nobody will."""
        self.complain(answer)
        self.breaker.succeeded()
        self.failed += 1
        self.headers = {}
        if self.deadline is not None:
            self.finish(0)
        self.rest(self.pace.pause_seconds)

    def complain(self, answer: Attempt) -> None:
        """Say why samples wait, once for each reason."""
        if answer.reason != self.trouble:
            logger.warning("Samples wait to be sent: %s.", answer.reason)
        self.failure = answer.failure

    # Waiting

    def spread(self) -> float:
        """Return a time that puts senders apart that would send at the same time."""
        return below(min(self.pace.batch_seconds, LONGEST_SPREAD_SECONDS))

    def backoff(self) -> float:
        """Return how long to wait: anything up to a time that doubles, so that many senders do not come at once."""
        doubled = self.pace.first_seconds * 2 ** min(max(self.breaker.failures - 1, 0), 30)
        return below(min(self.pace.longest_seconds, doubled))

    def hold_back(self, seconds: float) -> None:
        """Wait to spare the receiver; at the end there is no time for that."""
        if seconds and self.deadline is None:
            self.wait(seconds)

    def rest(self, seconds: float, wanted_seconds: float = 0) -> None:
        """Leave the receiver alone for a time, and let it be known for how long."""
        self.next_try = time.time() + seconds
        self.wait(seconds, wanted_seconds)
        self.next_try = 0.0

    def wait(self, seconds: float, wanted_seconds: float = 0) -> None:
        """Wait, but not past the deadline; and when one is set meanwhile, no longer than the receiver wants it."""
        asked_until = time.monotonic() + wanted_seconds
        with self.changed:
            if self.deadline is not None:
                seconds = min(seconds, self.deadline - time.monotonic())
                self.changed.wait_for(lambda: self.given_up, seconds)
            else:
                self.changed.wait_for(lambda: self.deadline is not None, seconds)
                if self.deadline is not None:
                    rest = min(asked_until, self.deadline) - time.monotonic()
                    self.changed.wait_for(lambda: self.given_up, max(0, rest))

    @property
    def given_up(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline


def pack(batch: Batch) -> Packed:
    packer, packed = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP), []

    def packing() -> Iterator[trickle.Buffer]:
        for piece in trickle.body(batch.machine, batch.samples):
            packed.append(packer.compress(piece))
            yield piece

    digest = trickle.digest(batch.machine, batch.run, packing())
    packed.append(packer.flush())
    return Packed(b"".join(packed), digest, batch.run, len(batch.samples))


def below(seconds: float) -> float:
    """Return a time by chance between 0 and so many seconds; `random` would be loaded for this alone."""
    return seconds * int.from_bytes(os.urandom(4), "big") / 2**32

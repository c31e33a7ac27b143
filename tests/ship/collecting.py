"""
A collector without a clock: puts samples one after the other into a spool and sends them, until it has put so many.

It writes the number of each sample that the spool took into a file: what is in there must never be lost.
Started as a program: URL SPOOL TAKEN COUNT PAUSE_SECONDS WAY LENGTH, with the key in PCC_APIKEY; killed at any moment,
and started XX
"""

import os
import sys
import time
from pathlib import Path

from appliance.ship.batch import Batch
from appliance.ship.queue import Queue
from appliance.ship.sender import Attempt, Pace, Sender
from appliance.ship.spool import Limits, Spool
from appliance.ship.trickle import Verdict

MACHINE, RUN, START = "web-1", 1_767_977_000_000, 1_767_977_160
PACE = Pace(60, 0.05, first_seconds=0.05, longest_seconds=0.2, pause_seconds=0.2, open_seconds=0.2)


class Forgetful(Spool):
    """Forgets a batch when it is given, not when it is stored."""

    def batch(self, limit: int) -> Batch | None:
        batch = super().batch(limit)
        if batch is not None:
            self.remove(batch.last)
        return batch


class Credulous(Sender):
    """Takes an answer without an error for an acknowledgement, whatever is in it."""

    def attempt(self, verdict: Verdict, reason: str, wanted_seconds: float = 0, store: str = "") -> Attempt:
        if verdict is Verdict.ELSEWHERE:
            verdict = Verdict.STORED
        return super().attempt(verdict, reason, wanted_seconds, store)


def sample(at: int) -> bytes:
    """The lines of one sample: a second of a small machine, its counters a function of its number."""
    return (
        b'{"timestamp":%d,"subsystem":"/proc/stat","measurement":"cpu  %d 0 %d %d 5 0 0 0 0 0\\n"}\n'
        b'{"timestamp":%d,"subsystem":"/proc/loadavg","measurement":"0.%02d 0.10 0.20 1/100 %d\\n"}\n'
        % (START + at, 100 + at, 50 + at, 1000 + 9 * at, START + at, at % 100, 1000 + at)
    )  # fmt: skip


def full_sample(at: int) -> bytes:
    """The same with what makes it as long as that of a real machine, 5 kB."""
    rest = b"".join(b"nr_counter_%d %d\\n" % (line, line * at) for line in range(240))
    return sample(at) + b'{"timestamp":%d,"subsystem":"padding","measurement":"%s"}\n' % (START + at, rest)


LENGTHS = {
    "short": (sample, 32 << 10, 0),
    # Hours in a minute: the disk is not what these try.
    "full": (full_sample, 1 << 20, 1),
}
"""How a sample is made, the bytes of a segment, and the seconds until it must be on the disk."""


def last_taken(path: Path) -> int:
    """Return the number of the last sample that was taken, or -1; a torn line is none."""
    text = path.read_bytes() if path.exists() else b""
    # Who was killed as soon as it went on left a line feed and no number.
    numbers = text[: text.rfind(b"\n") + 1].split()
    return int(numbers[-1]) if numbers else -1


def main(url: str, spool: str, taken: str, count: str, pause: str, way: str, length: str) -> None:
    make, segment_bytes, sync_seconds = LENGTHS[length]
    limits = Limits(segment_bytes=segment_bytes, free_share=0, sync_seconds=sync_seconds)
    kind = {"memory": None, "forgetful": Forgetful}.get(way, Spool)
    waiting = Queue(MACHINE) if kind is None else kind(Path(spool), MACHINE, limits=limits)
    key = os.environ["PCC_APIKEY"]
    kept = waiting.sent if isinstance(waiting, Spool) else None
    sending = Credulous if way == "credulous" else Sender
    sender = sending(url, lambda: key, waiting, PACE, kept=kept)
    sender.start()
    first = last_taken(Path(taken)) + 1
    descriptor = os.open(taken, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # A line that was torn must not become part of the next one.
    os.write(descriptor, b"\n" if first else b"")
    for number in range(first, int(count)):
        sender.put(RUN, make(number))
        os.write(descriptor, b"%d\n" % number)
        time.sleep(float(pause))
    sender.finish(300)
    sender.join(310)
    waiting.close()
    sys.exit(0 if not sender.unsent else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])

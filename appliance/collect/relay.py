"""
A relay: when a thread is stuck in a source, another goes on in its place, without that source until it answers.

The caller only watches: it looks once after each tick, when all should have been read, which costs some microseconds.
A thread is stuck where a look finds it in the same reading as the look before, for too long, and blocked in the kernel:
one that only waits for a CPU, or was stopped together with all of us, is not.
"""

import logging
import threading
import time
from collections.abc import Callable

from appliance.collect.readings import Readings
from appliance.collect.sources import Source
from appliance.errors import InputOutput

logger = logging.getLogger(__name__)
FIRST_LOOK_SECONDS, LOOK_SECONDS = 0.012, 0.05
"""
How long after a tick to look, and how soon to look again where a source is still being read.

Most have long been read then, and what the look needs is still near the CPU: later it costs twice as much.
"""
HANGING_LOOKS = 200
"""
After so many looks (ten seconds) at a sample that is read and not written, it is said.

Who asks us to stop is not made to wait longer than that either.
"""


def run(work: Callable[[], bool], readings: Readings, asked_to_stop: Callable[[], bool] = lambda: False) -> None:
    """
    Do work in one thread or another; it says False where it was left behind. Raise what it raised.

    Raises InputOutput where we are asked to stop while a sample hangs that is read and not written.
    """
    over = threading.Lock()
    over.acquire()
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            if not work():
                return
        except BaseException as error:  # noqa: BLE001
            # The thread's boundary: who waits for it gets it.
            failures.append(error)
        over.release()

    thread = started(attempt)
    seen: tuple[Source, int] | None = None
    writing = 0
    try:
        while not over.acquire(timeout=soonest(readings.due - time.monotonic())):
            before, baton = seen, readings.baton
            # In one step: the thread may take it up at any moment.
            seen = next(iter(baton[:]), None)
            # When the next tick is waited for, it is due later.
            late = seen is None and time.monotonic() > readings.due
            writing = writing + 1 if late and is_blocked(thread) else 0
            if writing == HANGING_LOOKS:
                logger.warning(
                    "A sample cannot be written: the disk does not answer. Nothing is recorded until it does."
                )
            if writing >= HANGING_LOOKS and asked_to_stop():
                raise InputOutput(
                    "stopped while the disk did not answer: the last sample is not written, or not whole."
                )
            if seen is None or seen is not before or not is_blocked(thread):
                continue
            source, since = seen
            if time.perf_counter_ns() - since >= source.limit_seconds * 1e9 and readings.leave_behind(baton):
                thread = started(attempt)
    finally:
        readings.ended = True
    if failures:
        raise failures[0]


def soonest(seconds: float) -> float:
    """Return when to look, where the next tick is so many seconds ahead."""
    return seconds + FIRST_LOOK_SECONDS if seconds > 0 else LOOK_SECONDS


def started(attempt: Callable[[], None]) -> threading.Thread:
    waits = False
    while True:
        # A daemon: the program can end although a thread never comes back.
        thread = threading.Thread(target=attempt, name="sampler", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Those that are stuck may be as many as there may be; when one comes back there is room.
            if not waits:
                logger.warning("The system gives no further thread to read with: waiting for one.")
            waits = True
            time.sleep(LOOK_SECONDS)
        else:
            return thread


def is_blocked(thread: threading.Thread) -> bool:
    """Say whether a thread waits in the kernel for something; where nobody knows, it does."""
    try:
        with open(f"/proc/self/task/{thread.native_id}/stat", "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(512).rpartition(b") ")[2][:1] != b"R"
    except OSError:
        return True

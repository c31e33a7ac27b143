"""
The loop: at each tick every source is read and the sample goes to whoever wants it, as lines of a recording.

A sample is whole or not there: its timestamp is the tick's, and all sinks get the same bytes. What came between two
samples (ticks that were too late, a sleep, a clock that was set, a full disk) is told by an event before the second.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from appliance.collect import meta, optional, own, relay
from appliance.collect.clocks import Clocks, clock_offset, slept_seconds
from appliance.collect.collectors import COLLECTORS
from appliance.collect.own import Extra, Own
from appliance.collect.readings import Readings
from appliance.collect.sources import Source, processes
from appliance.collect.ticks import Ticks
from appliance.collect.troubles import Troubles
from appliance.errors import InputOutput
from appliance.measurement import (
    EARLIEST_SECONDS,
    EVENT,
    LATEST_SECONDS,
    META,
    SOURCES,
    line_start,
    line_text,
)

logger = logging.getLogger(__name__)

Sink = Callable[[int, bytes], object]
"""Takes the number of the run and the lines of one sample. True: the next one must be complete on its own."""


class Plan(NamedTuple):
    interval_seconds: float
    """A whole number of seconds, or less than one."""
    duration_seconds: float
    """0 is until stopped."""
    machine_id: str
    machine_name: str = ""
    root: str = "/proc"
    optional: tuple[str, ...] = ()
    """Sources that are recorded only when they are named: see OPTIONAL."""
    process_args: bool = False
    """Whether the arguments of processes are recorded: they may hold secrets."""


class Counts:
    __slots__ = ("late", "lost", "samples", "unread")

    def __init__(self) -> None:
        self.samples = 0
        self.late = 0
        """Ticks that came too late to be kept."""
        self.unread = 0
        """Readings of a source that failed."""
        self.lost = 0
        """Samples that were taken and for which there was no room."""


def record(
    plan: Plan, sinks: Sequence[Sink], wait: Callable[[float], bool], clock: Callable[[], float] = time.monotonic,
    slept: Callable[[], float] = slept_seconds, extra: Extra = dict, counts: Counts | None = None,
) -> Counts:  # fmt: skip
    """
    Sample until the duration is over, or until `wait` (given seconds, which may be negative) says to stop.

    Who wants to know the counts meanwhile gives them to be counted in. All that is given is called by other threads,
    one at a time; `wait` also by this one, while another is stuck in a sink.
    """
    session = Session(plan, sinks, clock, extra, counts or Counts())
    began: tuple[Ticks, Clocks] | None = None

    def sample() -> bool:
        nonlocal began
        if began is None:
            # Here, because to get a thread may take longer than a first tick waits.
            offset = clock_offset()
            began = Ticks(plan.interval_seconds, plan.duration_seconds, clock(), offset), Clocks(offset, slept())
        ticks, clocks = began
        while not session.readings.ended:
            if session.begun:
                # By this thread, or by one that is stuck in a source.
                if not session.finish():
                    return False
                ticks.taken()
            seconds = ticks.due - clock()
            session.readings.rest(seconds)
            if ticks.over or wait(seconds):
                break
            if late := ticks.skip_late(clock()):
                session.late(late)
                continue
            offset = clock_offset()
            session.events += clocks.events(offset, slept())
            timestamp = ticks.timestamp(offset)
            if EARLIEST_SECONDS <= timestamp < LATEST_SECONDS:
                session.begin(timestamp)
            else:
                session.unset(timestamp)
                ticks.taken()
        return True

    relay.run(sample, session.readings, lambda: wait(0))
    return session.counts


def take_one(plan: Plan) -> bytes:
    """Return one sample, taken now."""
    taken: list[bytes] = []
    session = Session(plan, [lambda _, lines: taken.append(lines)], time.monotonic, dict, Counts())
    session.begin(int(time.time()))
    relay.run(session.finish, session.readings)
    return taken[0]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Session:
    """Takes samples of one machine and gives them to the sinks."""

    def __init__(
        self, plan: Plan, sinks: Sequence[Sink], clock: Callable[[], float], extra: Extra, counts: Counts
    ) -> None:
        self.plan, self.sinks, self.clock = plan, sinks, clock
        self.counts, self.troubles = counts, Troubles(clock)
        self.own = Own(plan.root, extra, clock)
        self.sources = [*sources_of(plan), Source(own.SUBSYSTEM, self.tell_own, self.own.again)]
        self.readings = Readings(self.sources, self.troubles, self.own.spent_ns)
        self.boot = meta.boot_id_at_once(plan.root)
        self.run, self.previous = now_ms(), 0.0
        self.runs: set[int] = set()
        """The numbers of those before."""
        self.begun = False
        """A sample was begun and is not finished."""
        self.head = self.told = ""
        """What goes before the readings of a sample: what a run begins with, and what happened."""
        self.complete = True
        """The next sample must have all that does not change."""
        self.events: list[dict[str, Any]] = []
        """What happened since the last sample."""
        self.passed: dict[str, Any] | None = None
        """The event of a clock that is not set at present."""
        self.missing: tuple[dict[str, str], dict[str, int]] | None = None
        """What was said not to be recorded, and of what only a part; None where nothing was said yet."""
        self.lost = [0] * len(sinks)
        """How many samples each sink could not take, one after the other."""

    def late(self, ticks: int) -> None:
        logger.log(
            logging.INFO if self.counts.late else logging.WARNING,
            "%s too late: skipped.",
            f"{ticks} ticks came" if ticks > 1 else "A tick came",
        )
        self.counts.late += ticks
        self.events.append({"kind": "late", "ticks": ticks})

    def unset(self, timestamp: int | float) -> None:
        """Pass over a tick: the clock was never set, as where a battery is empty, and nobody would read the sample."""
        if self.passed is None:
            logger.warning("The clock says that %s: nothing is recorded until it is set.", year(timestamp))
            self.passed = {"kind": "unset", "ticks": 0}
            self.events.append(self.passed)
        self.passed["ticks"] += 1

    def begin(self, timestamp: int | float) -> None:
        """Begin a sample."""
        self.passed = None
        if timestamp <= self.previous:
            logger.warning("The clock was set back: times come again, and a new run keeps the samples apart.")
            self.begin_anew()
        self.previous = timestamp
        start = line_start(timestamp)
        self.head = self.begin_run(start) if self.complete else ""
        self.complete = False
        self.told = "".join(line_text(start, EVENT, json.dumps(event) + "\n") for event in self.events)
        self.events = []
        self.readings.begin(start)
        self.begun = True

    def begin_anew(self) -> None:
        """Begin another run; a clock may be set back to the very moment in which an earlier one began."""
        self.runs.add(self.run)
        self.run, self.complete = now_ms(), True
        while self.run in self.runs:
            self.run += 1

    def begin_run(self, start: str) -> str:
        """Return the record that a run, or a file of it, begins with; what does not change is told again."""
        plan = self.plan
        described = meta.describe(plan.machine_id, plan.machine_name, self.run, plan.interval_seconds, self.boot)
        for source in self.sources:
            source.again()
        self.missing = None
        return line_text(start, META, json.dumps(described))

    def finish(self) -> bool:
        """Read what is left to read and give the sample away; False where this thread was left behind."""
        if not self.readings.read():
            return False
        self.begun = False
        start, lines = self.readings.start, "".join(self.readings.lines)
        self.counts.unread = self.troubles.count
        failing, cut = self.troubles.failing, self.readings.cut
        if (failing, cut) != self.missing:
            self.missing = dict(failing), dict(cut)
            told = {"not_collected": failing, **({"cut": cut} if cut else {})}
            lines += line_text(start, SOURCES, json.dumps(told) + "\n")
        self.give(start, self.head, self.told + lines)
        self.counts.samples += 1
        return True

    def tell_own(self) -> str | None:
        """Say what recording cost and what was not recorded: the last of the sources."""
        self.counts.unread = self.troubles.count
        counts = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return self.own.tell(counts, self.troubles.counts)

    def give(self, start: str, head: str, rest: str) -> None:
        for at, sink in enumerate(self.sinks):
            lost = self.lost[at]
            told = line_text(start, EVENT, json.dumps({"kind": "lost", "samples": lost}) + "\n") if lost else ""
            try:
                self.complete |= sink(self.run, (head + told + rest).encode()) is True
            except InputOutput as error:
                self.no_room(at, error)
                continue
            if lost:
                logger.warning("Samples are recorded again; %d were lost.", lost)
                self.lost[at] = 0

    def no_room(self, at: int, error: InputOutput) -> None:
        """Count a sample that a sink could not take; what it held of things that do not change is told again."""
        if not self.counts.samples:
            # Where nothing was ever written, the name is wrong: say so at once.
            raise error
        if not self.lost[at]:
            logger.warning("%s Samples are lost until it can.", error.message)
        self.lost[at] += 1
        self.counts.lost += 1
        self.complete = True


def year(timestamp: float) -> str:
    return f"this is the year {time.gmtime(timestamp).tm_year}"


def sources_of(plan: Plan) -> list[Source]:
    wanted = [make for name in plan.optional for make in optional.makers(name)]
    makers: list[Callable[[str], Source]] = [*COLLECTORS, *wanted]
    if plan.process_args:
        makers[makers.index(processes.source)] = processes.with_arguments
    return [make(plan.root) for make in makers]

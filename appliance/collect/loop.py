"""
The loop: at each tick every source is read and the sample goes to whoever wants it, as lines of a recording.

A sample is whole or not there: its timestamp is the tick's, and all sinks get the same bytes. What came between two
samples (ticks that were too late, a sleep, a clock that was set, a full disk) is told by an event before the second.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from appliance.collect import meta, own
from appliance.collect.clocks import Clocks, clock_offset, slept_seconds
from appliance.collect.collectors import COLLECTORS, OPTIONAL
from appliance.collect.own import Extra, Own
from appliance.collect.sources import Source, processes
from appliance.collect.ticks import Ticks
from appliance.collect.troubles import Troubles
from appliance.errors import InputOutput
from appliance.measurement import EVENT, META, SOURCES, line_start, line_text

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

    Who wants to know the counts meanwhile gives them to be counted in.
    """
    session = Session(plan, sinks, clock, extra, counts or Counts())
    offset = clock_offset()
    ticks, clocks = Ticks(plan.interval_seconds, plan.duration_seconds, clock(), offset), Clocks(offset, slept())
    while not ticks.over and not wait(ticks.due - clock()):
        if late := ticks.skip_late(clock()):
            session.late(late)
            continue
        offset = clock_offset()
        session.events += clocks.events(offset, slept())
        session.sample(ticks.timestamp(offset))
        ticks.taken()
    return session.counts


def take_one(plan: Plan) -> bytes:
    """Return one sample, taken now."""
    taken: list[bytes] = []
    Session(plan, [lambda _, lines: taken.append(lines)], time.monotonic, dict, Counts()).sample(int(time.time()))
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
        self.sources = sources_of(plan)
        self.run, self.previous = now_ms(), 0.0
        self.complete = True
        """The next sample must have all that does not change."""
        self.events: list[dict[str, Any]] = []
        """What happened since the last sample."""
        self.missing: dict[str, str] | None = None
        """What was said not to be recorded; None where nothing was said yet."""
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

    def sample(self, timestamp: int | float) -> None:
        if timestamp <= self.previous:
            logger.warning("The clock was set back: times come again, and a new run keeps the samples apart.")
            self.run, self.complete = now_ms(), True
        self.previous = timestamp
        start = line_start(timestamp)
        head = self.begin(start) if self.complete else ""
        self.complete = False
        told = "".join(line_text(start, EVENT, json.dumps(event) + "\n") for event in self.events)
        self.events = []
        self.give(start, head, told + self.read(start))
        self.counts.samples += 1

    def begin(self, start: str) -> str:
        """Return the record that a run, or a file of it, begins with; what does not change is told again."""
        plan = self.plan
        described = meta.describe(plan.machine_id, plan.machine_name, self.run, plan.interval_seconds, plan.root)
        for source in self.sources:
            source.again()
        self.own.again()
        self.missing = None
        return line_text(start, META, json.dumps(described))

    def read(self, start: str) -> str:
        """Return the lines of all sources, and what there is to say of reading them."""
        lines = take(self.sources, start, self.troubles, self.own.spent_ns)
        self.counts.unread = self.troubles.count
        if self.troubles.failing != self.missing:
            self.missing = dict(self.troubles.failing)
            lines += line_text(start, SOURCES, json.dumps({"not_collected": self.missing}) + "\n")
        counts = {name: getattr(self.counts, name) for name in Counts.__slots__}
        if (text := self.own.tell(counts, self.troubles.counts)) is not None:
            lines += line_text(start, own.SUBSYSTEM, text)
        return lines

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


def sources_of(plan: Plan) -> list[Source]:
    wanted = [make for name in plan.optional for make in OPTIONAL[name]]
    makers: list[Callable[[str], Source]] = [*COLLECTORS, *wanted]
    if plan.process_args:
        makers[makers.index(processes.source)] = processes.with_arguments
    return [make(plan.root) for make in makers]


def take(sources: Iterable[Source], start: str, troubles: Troubles, spent_ns: dict[str, int]) -> str:
    """Read each source; one that cannot be read costs itself only."""
    lines = []
    before = time.perf_counter_ns()
    for source in sources:
        subsystem = source.subsystem
        if troubles.waits(subsystem):
            continue
        try:
            text = source.read()
        except Exception as error:  # noqa: BLE001
            # The loop's boundary: whatever is wrong with one source, the others and the next tick go on.
            troubles.failed(subsystem, error)
        else:
            troubles.worked(subsystem)
            if isinstance(text, dict):
                lines += [line_text(start, name, each) for name, each in text.items()]
            elif text is not None:
                lines.append(line_text(start, subsystem, text))
        now = time.perf_counter_ns()
        spent_ns[subsystem] = spent_ns.get(subsystem, 0) + now - before
        before = now
    return "".join(lines)

"""
The loop: at each tick every source is read and the sample goes to whoever wants it, as lines of a recording.

A sample is whole or not there: its timestamp is the tick's, and all sinks get the same bytes.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from appliance.collect import meta
from appliance.collect.collectors import COLLECTORS
from appliance.collect.sources import Source
from appliance.collect.ticks import Ticks, clock_offset
from appliance.collect.troubles import Troubles
from appliance.measurement import META, Measurement, line

logger = logging.getLogger(__name__)

Sink = Callable[[int, bytes], None]
"""Takes the number of the run and the lines of one sample."""


@dataclass(frozen=True, slots=True)
class Plan:
    interval_seconds: float
    """A whole number of seconds, or less than one."""
    duration_seconds: float
    """0 is until stopped."""
    machine_id: str
    machine_name: str = ""
    root: str = "/proc"


@dataclass(slots=True)
class Counts:
    samples: int = 0
    late: int = 0
    """Ticks that came too late to be kept."""
    unread: int = 0
    """Readings of a source that failed."""


def record(
    plan: Plan, sinks: Sequence[Sink], wait: Callable[[float], bool], clock: Callable[[], float] = time.monotonic
) -> Counts:
    """Sample until the duration is over, or until `wait` (given seconds, which may be negative) says to stop."""
    counts, troubles = Counts(), Troubles()
    ticks = Ticks(plan.interval_seconds, plan.duration_seconds, clock(), clock_offset())
    run, previous = now_ms(), 0.0
    sources: list[Source] = []
    while not ticks.over and not wait(ticks.due - clock()):
        if late := ticks.skip_late(clock()):
            logger.log(logging.INFO if counts.late else logging.WARNING, "%d ticks came too late: skipped.", late)
            counts.late += late
            continue
        timestamp = ticks.timestamp(clock_offset())
        lines = b""
        if timestamp <= previous:
            logger.warning("The clock was set back: times come again, and a new run keeps the samples apart.")
            run, sources = now_ms(), []
        if not sources:
            sources, lines = begin(plan, run, timestamp)
        lines += take(sources, timestamp, troubles)
        for sink in sinks:
            sink(run, lines)
        previous = timestamp
        counts.samples += 1
        counts.unread = troubles.count
        ticks.taken()
    return counts


def take_one(plan: Plan) -> bytes:
    """Return one sample, taken now."""
    timestamp = int(time.time())
    sources, lines = begin(plan, now_ms(), timestamp)
    return lines + take(sources, timestamp, Troubles())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def begin(plan: Plan, run: int, timestamp: int | float) -> tuple[list[Source], bytes]:
    """Begin a run: its sources and its first record."""
    record = meta.describe(plan.machine_id, plan.machine_name, run, plan.interval_seconds, plan.root)
    sources = [make(plan.root) for make in COLLECTORS]
    return sources, line(Measurement(timestamp, META, json.dumps(record))).encode()


def take(sources: Iterable[Source], timestamp: int | float, troubles: Troubles) -> bytes:
    """Read each source; one that cannot be read costs itself only."""
    lines = []
    for source in sources:
        try:
            text = source.read()
        except Exception as error:  # noqa: BLE001
            # The loop's boundary: whatever is wrong with one source, the others and the next tick go on.
            troubles.failed(source.subsystem, error)
            continue
        troubles.worked(source.subsystem)
        texts = text if isinstance(text, dict) else {} if text is None else {source.subsystem: text}
        lines += [line(Measurement(timestamp, subsystem, each)) for subsystem, each in texts.items()]
    return "".join(lines).encode()

"""
A run of a machine's samples as tables: the only place where counters become rates.

Tables are pandas frames: a row per sample, indexed by Unix milliseconds; a column per instance; NaN where it is not
known. The first sample has no rate, nor has one after a boot, a reset counter or a gap: nothing is ever invented.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis.limits import most_per_second
from appliance.analysis.wording import duration, grouped
from appliance.machine import name_of
from appliance.metrics import (
    ALL_CPUS,
    BOOT_TIME,
    CPU_IDLE,
    DISK_READS,
    FILESYSTEM_SIZE,
    OOM_KILLS,
    UPTIME_SECONDS,
    Group,
    Kind,
    Metric,
)
from appliance.recorder_metrics import CLOCK_STEP, DROPPED_SAMPLES, LATE_TICKS, LOST_SAMPLES, SUSPENDED
from appliance.samples import Samples, Values, distinct, join

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GAP = 2.5
"""An interval this many times as long as those around it is a gap."""
NEIGHBOURS = 10
MANY = 1000
"""So many intervals are looked at faster all at once than one by one."""
BESIDE = (Group.CONTAINER, Group.RECORDER, Group.EVENT)
"""What is not read with the machine's own samples, but at times of its own."""
CLOCK_STEP_SECONDS = 2.0
"""Recorders stamp whole seconds, and a clock that is slewed drifts: less is no event."""
UPTIME_TICK_SECONDS = 0.02
STEP_BACK_TICKS = 1000
"""idle and iowait fall by a few ticks when a CPU wakes elsewhere; more than 10 s is a reset."""


STOPPED = "No samples: the recorder had ended, and was started again."
NAMED = 8
PASSING = ("loop", "ram", "zram")
"""Devices that come and go by the dozen and mean nothing."""
CHANGING = {FILESYSTEM_SIZE: "Mounts", DISK_READS: "Disks", CPU_IDLE: "CPUs"}
EventKind = Literal["boot", "gap", "clock", "suspend", "lost", "reset", "kill", "change", "suspect"]


@dataclass(frozen=True, slots=True)
class Event:
    kind: EventKind
    start_ms: int
    """The sample before."""
    end_ms: int
    """The sample after."""
    text: str


class Run:
    """One machine's samples over a span of time, and the facts known of it."""

    def __init__(
        self, machine_id: str, samples: Iterable[Samples], facts: Mapping[str, Any] | None = None, name: str = ""
    ):
        self.machine_id = machine_id
        self.facts = dict(facts or {})
        self.name = name or name_of(machine_id, self.facts.get("meta", {}))
        grouped: dict[Group, list[Samples]] = {}
        for part in samples:
            grouped.setdefault(part.group, []).append(part)
        # Where runs overlap, the later run has the word.
        self.tables = {group: join(sorted(parts, key=lambda part: part.run)) for group, parts in grouped.items()}
        self.recorder_starts_ms = recorder_starts(part for parts in grouped.values() for part in parts)

    # What there is.

    @cached_property
    def at_ms(self) -> npt.NDArray[np.int64]:
        """Every time at which there is a sample, of whatever group, shape (n,)."""
        return distinct([table.at_ms for table in self.tables.values()])

    @property
    def start_ms(self) -> int:
        return int(self.at_ms[0])

    @property
    def end_ms(self) -> int:
        return int(self.at_ms[-1])

    def has(self, *metrics: Metric) -> bool:
        """Say whether every one of some metrics was collected at all."""
        return all(self.instances(metric) for metric in metrics)

    def instances(self, metric: Metric) -> list[str]:
        """Return the instances of a metric, in the order in which they were first seen."""
        return list(self.columns(metric))

    def columns(self, metric: Metric) -> dict[str, Values]:
        """Return a metric's numbers as they were stored, by instance."""
        table = self.tables.get(metric.group)
        columns = table.columns if table is not None else {}
        return {column.instance: values for column, values in columns.items() if column.metric is metric}

    # Values and rates.

    def values(self, metric: Metric) -> pd.DataFrame:
        """Return a metric as it was read, in its unit: a column per instance, NaN where it was not there."""
        return self.frame(
            metric,
            {
                instance: np.where(values.mask(), values.numbers / metric.per_unit, np.nan)
                for instance, values in self.columns(metric).items()
            },
        )

    def deltas(self, metric: Metric) -> pd.DataFrame:
        """
        Return what a counter grew by since the sample before, in its unit, over gaps too.

        NaN at the first sample, after a boot or reset, and where either sample is missing.
        """
        if metric.kind is Kind.GROWTH:
            return self.values(metric)
        if metric.kind is not Kind.COUNTER:
            raise ValueError(f"{metric.name} is no counter")
        if metric not in self._deltas:
            self._deltas[metric] = self.frame(
                metric,
                {
                    instance: self.grown(metric, instance, values)[0]
                    for instance, values in self.columns(metric).items()
                },
            )
        return self._deltas[metric]

    def delta(self, metric: Metric, instance: str) -> Floats:
        """
        Return one column of a counter's `deltas`, shape (n,), all NaN if it was not collected.

        Nothing is remembered: the CPU times of a month of a machine with many CPUs would fill the memory.
        """
        if metric in self._deltas and instance in self._deltas[metric]:
            return np.asarray(self._deltas[metric][instance])
        if (values := self.columns(metric).get(instance)) is None:
            return np.full(len(self.axis(metric.group)), np.nan)
        return self.grown(metric, instance, values)[0]

    @cached_property
    def _deltas(self) -> dict[Metric, pd.DataFrame]:
        """Remembered, because many findings and pages ask for the same; nobody changes a table that he is given."""
        return {}

    def rates(self, metric: Metric) -> pd.DataFrame:
        """Return a counter's growth per second of each interval; NaN where `deltas` is and over gaps."""
        intervals = self.intervals(metric.group)
        return self.deltas(metric).div(intervals.valid_seconds, axis=0)

    def gap_rates(self, metric: Metric) -> pd.DataFrame:
        """
        Return a counter's growth per second over each gap, at the sample after it; NaN everywhere else.

        It is an average over the gap, to be drawn flat and apart: it belongs in no percentile and in no maximum.
        """
        intervals = self.intervals(metric.group)
        return self.deltas(metric).div(
            np.where(intervals.gaps & (intervals.seconds > 0), intervals.seconds, np.nan), axis=0
        )

    def suspects(self, metric: Metric) -> pd.DataFrame:
        """
        Say which rates of a counter are more than is physically possible: the speed of the link, the time there was.

        They stay in `rates`, so that they are seen; `summarise` leaves them out of the maximum and of p99.9.
        """
        if metric not in self._suspects:
            longest = self.intervals(metric.group).longest_seconds
            limits = [self.most_per_second(metric, instance) for instance in self.columns(metric)]
            most = np.array([np.inf if limit is None else limit for limit in limits], np.float64)
            self._suspects[metric] = self.deltas(metric).gt(np.outer(longest, most))
        return self._suspects[metric]

    def possible_rates(self, metric: Metric) -> pd.DataFrame:
        """Return `rates` without those that are more than is possible: what a maximum may be taken of."""
        return self.rates(metric).mask(self.suspects(metric))

    @cached_property
    def _suspects(self) -> dict[Metric, pd.DataFrame]:
        return {}

    def most_per_second(self, metric: Metric, instance: str) -> float | None:
        """Return the physical limit of a counter's rate, in its unit a second; None where none is known."""
        return most_per_second(metric, instance, max(self.cpu_count, self.cpus_counted), self.facts)

    @cached_property
    def cpu_count(self) -> int:
        """How many CPUs the machine has: as recorded, else as many as there are counters of; 0 if neither says."""
        facts: Any = self.facts.get("cpuinfo") or {}
        return int(facts.get("total_cpus") or self.cpus_counted)

    @cached_property
    def cpus_counted(self) -> int:
        """How many CPUs there ever were counters of in the run: the facts are the last ones known."""
        return sum(cpu != ALL_CPUS for cpu in self.instances(CPU_IDLE))

    def grown(self, metric: Metric, instance: str, values: Values) -> tuple[Floats, Bools]:
        return grown(metric, values, self.intervals(metric.group), self.most_per_second(metric, instance))

    def totals(self, metric: Metric) -> pd.Series:
        """
        Return by how much a counter grew in the whole run, gaps included, per instance.

        What the kernel counts in is added as whole numbers: the sum equals the differences of the counter exactly.
        """
        deltas = self.deltas(metric)
        if metric.kind is Kind.GROWTH:
            return deltas.sum(min_count=1)
        return (deltas * metric.per_unit).round().sum(min_count=1) / metric.per_unit

    def frame(self, metric: Metric, columns: Mapping[str, Floats]) -> pd.DataFrame:
        return pd.DataFrame(columns, index=self.axis(metric.group))

    def axis(self, group: Group) -> pd.Index:
        """Return the times of a group's samples; empty if it was not collected."""
        table = self.tables.get(group)
        return pd.Index(table.at_ms if table is not None else np.empty(0, np.int64), name="at_ms")

    # Intervals.

    def intervals(self, group: Group) -> "Intervals":
        """Return the intervals that end at each sample of a group."""
        if group not in self._intervals:
            self._intervals[group] = self.measure(self.axis(group).to_numpy())
        return self._intervals[group]

    @cached_property
    def _intervals(self) -> dict[Group, "Intervals"]:
        return {}

    def seconds(self, metric: Metric) -> pd.Series:
        """
        Return the weight of each value of a metric in statistics: the length of the interval that ends at its sample.

        NaN for a counter where there is no such interval, or a gap; a gauge holds there for one usual interval.
        """
        seconds = self.intervals(metric.group).valid_seconds
        if metric.kind is Kind.GAUGE:
            usual = float(np.nanmedian(seconds)) if np.isfinite(seconds).any() else 1.0
            seconds = np.where(np.isfinite(seconds), seconds, usual)
        return pd.Series(seconds, index=self.axis(metric.group))

    @property
    def main_group(self) -> Group:
        """The group that stands for the machine: containers may be sampled at times of their own."""
        return next((group for group in Group if group in self.tables), Group.CPU)

    @property
    def main_intervals(self) -> "Intervals":
        return self.intervals(self.main_group)

    @property
    def interval_seconds(self) -> float | None:
        """The usual length of an interval: the median; None if there is none."""
        seconds = self.main_intervals.valid_seconds
        return float(np.nanmedian(seconds)) if np.isfinite(seconds).any() else None

    @cached_property
    def period(self) -> tuple[int, int]:
        """
        The first and the last sample of the machine itself.

        Containers are recorded by a program of their own, which may begin earlier or end later: that is no time in
        which the machine was not sampled. If none of their samples is of the machine's time, they count as well.
        """
        own = distinct([table.at_ms for group, table in self.tables.items() if group not in BESIDE])
        beside = [table.at_ms for group, table in self.tables.items() if group is Group.CONTAINER]
        apart = any(at_ms[0] > own[-1] or at_ms[-1] < own[0] for at_ms in beside) if len(own) else True
        at_ms = self.at_ms if apart else own
        return int(at_ms[0]), int(at_ms[-1])

    @property
    def coverage(self) -> float | None:
        """The share of the machine's period in which samples followed each other without a gap; None for one sample."""
        if not len(self.at_ms) or self.period[1] <= self.period[0]:
            return None
        intervals = self.main_intervals
        # Where the clock was set, its leap is no time in which samples are missing.
        leaps = np.diff(self.axis(self.main_group).to_numpy(), prepend=0) / 1000 - intervals.seconds
        span = (self.period[1] - self.period[0]) / 1000 - float(leaps[intervals.steps].sum())
        return min(1.0, float(np.nansum(intervals.valid_seconds)) / span) if span > 0 else None

    def measure(self, at_ms: npt.NDArray[np.int64]) -> "Intervals":
        n = len(at_ms)
        seconds = np.full(n, np.nan)
        seconds[1:] = np.diff(at_ms) / 1000
        uptime = self.known(UPTIME_SECONDS, at_ms)
        booted = self.known(BOOT_TIME, at_ms)
        boots, steps = np.zeros(n, bool), np.zeros(n, bool)
        with np.errstate(invalid="ignore"):
            up = np.diff(uptime)
            boots[1:] = (up < 0) | (booted[1:] * 1000 > at_ms[:-1] + 2000) & (np.diff(booted) > 2)
            steps[1:] = ~boots[1:] & (np.abs(up - seconds[1:]) > CLOCK_STEP_SECONDS)
        sure = ~boots[1:] & np.isfinite(up)
        seconds[1:][sure] = up[sure]
        with np.errstate(invalid="ignore"):
            by_uptime = np.where(up > 0, up + UPTIME_TICK_SECONDS, np.nan)
        whole = 1.0 if not (at_ms % 1000).any() else UPTIME_TICK_SECONDS
        at_most = seconds.copy()
        at_most[1:] = np.fmax(seconds[1:], np.where(np.isfinite(by_uptime), by_uptime, seconds[1:] + whole))
        gaps = ~boots & long_ones(np.where(boots, np.nan, seconds))
        return Intervals(seconds, boots, gaps, steps, at_most)

    def known(self, metric: Metric, at_ms: npt.NDArray[np.int64]) -> Floats:
        """Return a gauge of the machine at some times; NaN where it was not read."""
        values = self.values(metric)
        if "" not in values:
            return np.full(len(at_ms), np.nan)
        return np.asarray(values[""].reindex(at_ms), np.float64)

    # Events.

    @cached_property
    def events(self) -> list[Event]:
        """Return what interrupted the samples, in order of time: what they show, and what their recorder met."""
        intervals, at_ms = self.main_intervals, self.axis(self.main_group)
        found = []
        for row in np.flatnonzero(intervals.boots | intervals.gaps | intervals.steps).tolist():
            start, end = int(at_ms[row - 1]), int(at_ms[row])
            if intervals.boots[row]:
                found.append(Event("boot", start, end, "The machine was started."))
            elif intervals.gaps[row]:
                stopped = any(start < at <= end for at in self.recorder_starts_ms)
                found.append(Event("gap", start, end, STOPPED if stopped else "No samples."))
            if intervals.steps[row]:
                by = (end - start) / 1000 - intervals.seconds[row]
                found.append(clock_set(start, end, by))
        # A step that the samples show themselves is told once.
        known = {event.end_ms for event in found if event.kind == "clock"}
        met = [event for event in self.met() if event.kind != "clock" or event.end_ms not in known]
        every = [*found, *met, *self.resets(), *self.kills(), *self.changes(), *self.impossible()]
        return sorted(every, key=lambda event: (event.end_ms, event.kind, event.text))

    def met(self) -> Iterator[Event]:
        """Give what a recorder says that it met: each between the machine's last sample before and the next one."""
        at_ms = self.axis(self.main_group).to_numpy()
        for metric, (kind, told) in MET.items():
            for at, number in only_known(self.values(metric)):
                row = int(np.searchsorted(at_ms, at))
                start = int(at_ms[row - 1]) if row else at
                end = int(at_ms[row]) if row < len(at_ms) else at
                yield clock_set(start, end, number) if kind == "clock" else Event(kind, start, end, told(number))

    def resets(self) -> list[Event]:
        """Return, for each time, the devices whose counters fell without a boot."""
        fell: dict[tuple[int, int], set[str]] = {}
        for group, table in self.tables.items():
            if group is Group.RECORDER:
                # Each recorder counts from its own start, which is nothing that happens to the machine.
                continue
            for column, values in table.columns.items():
                if column.metric.kind is Kind.COUNTER:
                    for row in np.flatnonzero(self.grown(*column, values)[1]).tolist():
                        span = (int(table.at_ms[row - 1]), int(table.at_ms[row]))
                        fell.setdefault(span, set()).add(column.instance or group.value)
        return [
            Event("reset", start, end, f"The counters of {', '.join(sorted(names)[:8])} started again.")
            for (start, end), names in fell.items()
        ]

    def kills(self) -> Iterator[Event]:
        """Give the intervals in which the kernel killed processes for want of memory."""
        deltas = self.deltas(OOM_KILLS)
        at_ms = deltas.index.to_numpy()
        for row in np.flatnonzero(deltas.get("", pd.Series(dtype="float64")).to_numpy() > 0).tolist():
            killed = int(deltas[""].iloc[row])
            processes = "1 process" if killed == 1 else f"{grouped(killed)} processes"
            text = f"The kernel killed {processes} because memory ran out."
            yield Event("kill", int(at_ms[row - 1]), int(at_ms[row]), text)

    def changes(self) -> list[Event]:
        """Return when mounts, disks and CPUs came and went while there were samples of their kind."""
        found: dict[tuple[int, int, str], list[str]] = {}
        for metric, noun in CHANGING.items():
            at_ms = self.axis(metric.group).to_numpy()
            for instance, values in self.columns(metric).items():
                if values.present is None or instance.startswith(PASSING):
                    continue
                flips = np.flatnonzero(np.diff(values.present)) + 1
                for row in flips.tolist():
                    way = f"{noun} that came" if values.present[row] else f"{noun} that went"
                    found.setdefault((int(at_ms[row - 1]), int(at_ms[row]), way), []).append(instance)
        return [
            Event("change", start, end, f"{way}: {', '.join(sorted(names)[:NAMED])}{' ...' if names[NAMED:] else ''}.")
            for (start, end, way), names in found.items()
        ]

    def impossible(self) -> Iterator[Event]:
        """Give, for each counter, the first rate that is more than is possible, and how many there are."""
        for group, table in self.tables.items():
            at_ms, longest = table.at_ms, self.intervals(group).longest_seconds
            for (metric, instance), values in table.columns.items():
                most = self.most_per_second(metric, instance) if metric.kind is Kind.COUNTER else None
                if most is None:
                    continue
                # Not by `suspects`, which would keep a table of every counter.
                growth = self.grown(metric, instance, values)[0]
                with np.errstate(invalid="ignore"):
                    rows = np.flatnonzero(growth > most * longest)
                if len(rows):
                    times = "once" if len(rows) == 1 else f"{grouped(len(rows))} times"
                    text = f"{metric.name} of {instance or 'the machine'} grew faster than is possible, {times}."
                    yield Event("suspect", int(at_ms[rows[0] - 1]), int(at_ms[rows[-1]]), text)


def recorder_starts(parts: Iterable[Samples]) -> list[int]:
    """Return when each run of a recorder but the first begins; what came without a run says nothing."""
    first: dict[int, int] = {}
    for part in parts:
        if part.run:
            first[part.run] = min(first.get(part.run, int(part.at_ms[0])), int(part.at_ms[0]))
    return sorted(first.values())[1:]


def clock_set(start_ms: int, end_ms: int, by: float) -> Event:
    way = "forward" if by > 0 else "back"
    return Event("clock", start_ms, end_ms, f"The clock was set {way} by {grouped(abs(by), 1)} s.")


def missing(number: float, why: str) -> str:
    samples = "1 sample is missing" if number == 1 else f"{grouped(number)} samples are missing"
    return f"{samples}: {why}."


MET: dict[Metric, tuple[EventKind, Callable[[float], str]]] = {
    CLOCK_STEP: ("clock", str),
    SUSPENDED: ("suspend", lambda seconds: f"The machine slept for {duration(seconds)}."),
    LATE_TICKS: ("lost", lambda number: missing(number, "the recorder came too late for them")),
    LOST_SAMPLES: ("lost", lambda number: missing(number, "there was no room on the disk")),
    DROPPED_SAMPLES: ("lost", lambda number: missing(number, "there was no room to wait for the receiver")),
}
"""What a recorder met, by the metric that says how much: kind of event, and how it is told."""


def only_known(frame: pd.DataFrame) -> list[tuple[int, float]]:
    """Return the (time, value) pairs of a metric of the whole machine."""
    series = frame[""].dropna() if "" in frame else pd.Series(dtype="float64")
    return [(int(at_ms), float(value)) for at_ms, value in series.items()]


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals that end at each sample; all of shape (n,). The first sample has none."""

    seconds: Floats
    """Length; of the clock that nobody sets where it is known. NaN for the first."""
    boots: Bools
    gaps: Bools
    steps: Bools
    """The wall clock was set in this interval."""
    at_most_seconds: Floats
    """No interval was longer: recorders stamp whole seconds, which may be a second less than there was."""

    @property
    def longest_seconds(self) -> Floats:
        """How long the intervals that a rate may be computed over may have been; NaN for the others."""
        return np.where(np.isfinite(self.valid_seconds), self.at_most_seconds, np.nan)

    @property
    def valid_seconds(self) -> Floats:
        """Length of the intervals that a rate may be computed over; NaN for the others."""
        return np.where(self.boots | self.gaps | (self.seconds <= 0), np.nan, self.seconds)


def grown(metric: Metric, values: Values, intervals: Intervals, most: float | None) -> tuple[Floats, Bools]:
    """
    Return (growth since the sample before, in the metric's unit; where the counter was reset), both (n,).

    `most` is the physical limit of the rate, in the metric's unit a second; None where none is known.
    """
    numbers, mask = np.asarray(values.numbers), values.mask()
    growth = np.full(len(numbers), np.nan)
    resets = np.zeros(len(numbers), bool)
    if len(numbers) < 2:
        return growth, resets
    delta = np.diff(numbers)
    if values.present is None and delta.min() >= 0:
        # The usual case, of many columns.
        growth[1:] = delta / metric.per_unit
        growth[intervals.boots] = np.nan
        return growth, resets
    both = mask[1:] & mask[:-1] & ~intervals.boots[1:]
    fell = both & (delta < 0)
    if metric.steps_back:
        back = fell & (delta >= -STEP_BACK_TICKS)
        delta = np.where(back, 0, delta)
        fell &= ~back
    if metric.bits < 64:
        # A wrap looks like a fall from the upper half of the range to the lower one.
        wraps = fell & (numbers[:-1] >= 2 ** (metric.bits - 1)) & (numbers[1:] < 2 ** (metric.bits - 1))
        if most is not None:
            # Else it was made anew: a disk is not busy for longer than the time that passed.
            wraps &= (delta + 2**metric.bits) / metric.per_unit <= most * intervals.at_most_seconds[1:]
        delta = np.where(wraps, delta + 2**metric.bits, delta)
        fell &= ~wraps
    growth[1:] = np.where(both & ~fell, delta / metric.per_unit, np.nan)
    resets[1:] = fell
    return growth, resets


def long_ones(seconds: Floats) -> Bools:
    """Say which intervals are gaps: far longer than those before and those after."""
    found = np.zeros(len(seconds), bool)
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return found
    # What is usual is never less than the shortest: few intervals, if any, need a look at their neighbours.
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(seconds > GAP * known.min())
    if len(rows) > MANY:
        return among_all(seconds)
    for row in rows.tolist():
        sides = (seconds[max(0, row - NEIGHBOURS) : row], seconds[row + 1 : row + 1 + NEIGHBOURS])
        medians = [float(np.median(side)) for part in sides if len(side := part[np.isfinite(part)])]
        found[row] = bool(medians) and seconds[row] > GAP * max(medians)
    return found


def among_all(seconds: Floats) -> Bools:
    """Do the same where many may be: for all intervals at once."""
    series = pd.Series(seconds)
    before = series.shift(1).rolling(NEIGHBOURS, min_periods=1).median()
    after = series[::-1].shift(1).rolling(NEIGHBOURS, min_periods=1).median()[::-1]
    usual = pd.concat([before, after], axis=1).max(axis=1).to_numpy()
    with np.errstate(invalid="ignore"):
        return np.asarray(seconds > GAP * usual)

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

from appliance.analysis.wording import duration, grouped
from appliance.machine import name_of
from appliance.metrics import BOOT_TIME, UPTIME_SECONDS, Group, Kind, Metric
from appliance.recorder_metrics import CLOCK_STEP, DROPPED_SAMPLES, LATE_TICKS, LOST_SAMPLES, SUSPENDED
from appliance.samples import Samples, Values, distinct, join

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GAP = 2.5
"""An interval this many times as long as those around it is a gap."""
NEIGHBOURS = 10
BESIDE = (Group.CONTAINER, Group.RECORDER, Group.EVENT)
"""What is not read with the machine's own samples, but at times of its own."""
CLOCK_STEP_SECONDS = 2.0
"""Recorders may stamp whole seconds, and a clock that is slewed drifts: less is no event."""
STEP_BACK_TICKS = 1000
"""idle and iowait fall by a few ticks when a CPU wakes elsewhere; more than 10 s is a reset."""


EventKind = Literal["boot", "gap", "clock", "suspend", "lost", "reset"]


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
                metric, {instance: growth.in_units(metric) for instance, growth in self.growths(metric).items()}
            )
        return self._deltas[metric]

    @cached_property
    def _deltas(self) -> dict[Metric, pd.DataFrame]:
        """Remembered, because many findings and pages ask for the same; nobody changes a table that he is given."""
        return {}

    def growths(self, metric: Metric) -> dict[str, "Growth"]:
        """Return what a counter grew by since the sample before, by instance, as whole numbers."""
        intervals = self.intervals(metric.group)
        return {instance: grown(metric, values, intervals) for instance, values in self.columns(metric).items()}

    def rates(self, metric: Metric) -> pd.DataFrame:
        """Return a counter's growth per second of each interval; NaN where `deltas` is and over gaps."""
        intervals = self.intervals(metric.group)
        return self.deltas(metric).div(intervals.valid_seconds, axis=0)

    def averages_over_gaps(self, metric: Metric) -> pd.DataFrame:
        """
        Return a counter's mean growth per second over each gap, at the sample that ends it; NaN elsewhere.

        It is drawn flat over its gap, as an average: when within the gap it happened is not known.
        """
        intervals = self.intervals(metric.group)
        seconds = np.where(intervals.gaps & (intervals.seconds > 0), intervals.seconds, np.nan)
        return self.deltas(metric).div(seconds, axis=0)

    def totals(self, metric: Metric) -> pd.Series:
        """
        Return by how much a counter grew in the whole run, gaps included, per instance.

        Whole numbers are added as such: the sum of what was seen equals the differences of the counter exactly.
        """
        if metric.kind is Kind.GROWTH:
            return self.deltas(metric).sum(min_count=1)
        sums = {instance: growth.total(metric) for instance, growth in self.growths(metric).items()}
        return pd.Series(sums, dtype="float64")

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
        leaps = np.diff(self.axis(self.main_group).to_numpy(), prepend=np.nan) / 1000 - intervals.seconds
        span = (self.period[1] - self.period[0]) / 1000 - float(leaps[intervals.steps].sum())
        return min(1.0, float(np.nansum(intervals.valid_seconds)) / span) if span > 0 else None

    def measure(self, at_ms: npt.NDArray[np.int64]) -> "Intervals":
        n = len(at_ms)
        seconds = np.full(n, np.nan)
        seconds[1:] = np.diff(at_ms) / 1000
        uptime = self.known(UPTIME_SECONDS, at_ms)
        booted = self.known(BOOT_TIME, at_ms)
        boots, steps, sure = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, bool)
        with np.errstate(invalid="ignore"):
            up = np.diff(uptime)
            boots[1:] = (up < 0) | (booted[1:] * 1000 > at_ms[:-1] + 2000) & (np.diff(booted) > 2)
            steps[1:] = ~boots[1:] & (np.abs(up - seconds[1:]) > CLOCK_STEP_SECONDS)
        sure[1:] = ~boots[1:] & np.isfinite(up)
        seconds[1:][sure[1:]] = up[sure[1:]]
        gaps = ~boots & long_ones(np.where(boots, np.nan, seconds))
        return Intervals(seconds, boots, gaps, steps, sure)

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
                found.append(Event("gap", start, end, "No samples."))
            if intervals.steps[row]:
                by = (end - start) / 1000 - intervals.seconds[row]
                found.append(clock_set(start, end, by))
        # A step that the samples show themselves is told once.
        known = {event.end_ms for event in found if event.kind == "clock"}
        met = [event for event in self.met() if event.kind != "clock" or event.end_ms not in known]
        return sorted(found + met + self.resets(), key=lambda event: (event.end_ms, event.kind))

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
            intervals = self.intervals(group)
            for column, values in table.columns.items():
                if column.metric.kind is Kind.COUNTER:
                    for row in np.flatnonzero(grown(column.metric, values, intervals).resets).tolist():
                        span = (int(table.at_ms[row - 1]), int(table.at_ms[row]))
                        fell.setdefault(span, set()).add(column.instance or group.value)
        return [
            Event("reset", start, end, f"The counters of {', '.join(sorted(names)[:8])} started again.")
            for (start, end), names in fell.items()
        ]


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
    sure: Bools
    """The length is of the clock that nobody sets; that of others may be a second off, where stamps are of seconds."""

    @property
    def valid_seconds(self) -> Floats:
        """Length of the intervals that a rate may be computed over; NaN for the others."""
        return np.where(self.boots | self.gaps | (self.seconds <= 0), np.nan, self.seconds)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a counter grew by since the sample before; all of shape (n,)."""

    numbers: npt.NDArray[Any]
    """In the metric's finest unit; says nothing where it is not known."""
    known: Bools
    resets: Bools
    """The counter began again in this interval."""

    def in_units(self, metric: Metric) -> Floats:
        """Return the growth in the metric's unit, NaN where it is not known."""
        return np.where(self.known, self.numbers / metric.per_unit, np.nan)

    def total(self, metric: Metric) -> float:
        """Return the sum in the metric's unit; NaN if nothing is known."""
        return float(self.numbers[self.known].sum()) / metric.per_unit if self.known.any() else np.nan


def grown(metric: Metric, values: Values, intervals: Intervals) -> Growth:
    """Return what a counter grew by in each interval: it wrapped only if that is physically possible."""
    numbers, mask = np.asarray(values.numbers), values.mask()
    delta = np.diff(numbers, prepend=numbers[:1])
    both = mask & np.concatenate([[False], mask[:-1]])[: len(mask)] & ~intervals.boots
    fell = both & (delta < 0)
    if not fell.any():
        return Growth(delta, both, fell)
    if metric.steps_back:
        back = fell & (delta >= -STEP_BACK_TICKS)
        delta = np.where(back, 0, delta)
        fell &= ~back
    if metric.bits < 64:
        # From the upper half of the range to the lower one, in so short a time that it cannot be far.
        before = np.concatenate([numbers[:1], numbers[:-1]])
        wrapped = delta + 2**metric.bits
        half = 2 ** (metric.bits - 1)
        possible = wrapped / metric.per_unit <= metric.most_per_second * intervals.seconds
        wraps = fell & (before >= half) & (numbers < half) & possible
        delta = np.where(wraps, wrapped, delta)
        fell &= ~wraps
    return Growth(delta, both & ~fell, fell)


def long_ones(seconds: Floats) -> Bools:
    """Say which intervals are gaps: far longer than those before and those after."""
    series = pd.Series(seconds)
    before = series.shift(1).rolling(NEIGHBOURS, min_periods=1).median()
    after = series[::-1].shift(1).rolling(NEIGHBOURS, min_periods=1).median()[::-1]
    usual = pd.concat([before, after], axis=1).max(axis=1).to_numpy()
    with np.errstate(invalid="ignore"):
        return np.asarray(seconds > GAP * usual)

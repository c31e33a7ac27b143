"""A machine as the pages see it: its run, what was found wrong, and where its samples have gaps."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from appliance.analysis import derived
from appliance.analysis.findings import Examination
from appliance.analysis.findings.finding import Finding
from appliance.analysis.run import Run
from appliance.metrics import BOOT_TIME, CPU_IDLE, MEMORY_TOTAL, UPTIME_SECONDS, Group
from static_site import times, units
from static_site.buckets import Gap
from static_site.cases import Case, cases
from static_site.devices import Devices, disks, interfaces
from static_site.names import shown, visible
from static_site.settings import BUSIEST, DEFAULT, MachineSettings
from static_site.times import Span


@dataclass(frozen=True)
class Subject:
    run: Run
    slug: str
    findings: list[Finding] = field(default_factory=list)
    shares_name: bool = False
    """Another machine of the report has the same name."""
    earlier: Run | None = None
    """Samples of the machine from before its run."""
    settings: MachineSettings = DEFAULT
    examined: Examination = field(default_factory=lambda: Examination(()))
    """What the rules said, of which `findings` are a part."""

    @cached_property
    def cases(self) -> list[Case]:
        """The findings, those that belong together as one; the worst first."""
        return cases(self.findings)

    @property
    def name(self) -> str:
        return shown(self.whole_name)

    @property
    def whole_name(self) -> str:
        return self.settings.name or self.run.name

    @cached_property
    def primary_disks(self) -> list[str]:
        """The disks that stand for the machine: as chosen, else the busiest that are no part of another."""
        return chosen(self.settings.primary_disk, disks(self.run))

    @cached_property
    def primary_interfaces(self) -> list[str]:
        return chosen(self.settings.primary_interface, interfaces(self.run))

    @property
    def identity(self) -> str:
        """The machine's id, where its name does not tell it from all others."""
        named = self.whole_name == self.run.machine_id and not self.shares_name
        return "" if named else visible(self.run.machine_id)

    @property
    def has_samples(self) -> bool:
        return len(self.run.at_ms) > 0

    @cached_property
    def span(self) -> Span:
        return Span(*self.run.period)

    def at(self, at_ms: int) -> str:
        """Write a time of this machine's span, or of a container sampled before or after it."""
        return times.at(at_ms, Span(min(self.span.start_ms, at_ms), max(self.span.end_ms, at_ms)))

    def gaps(self, group: Group) -> list[Gap]:
        """Return the stretches in which a group has no samples: gaps, and the time of a boot."""
        intervals, at_ms = self.run.intervals(group), self.run.axis(group)
        return [(int(at_ms[row - 1]), int(at_ms[row])) for row in np.flatnonzero(intervals.gaps | intervals.boots)]

    def has_intervals(self, group: Group) -> bool:
        """Say whether a group has two samples in a row, which a rate takes."""
        return bool(np.isfinite(self.run.intervals(group).valid_seconds).any())

    @property
    def knows_boots(self) -> bool:
        """Say whether the data would show that the machine was started."""
        return self.run.has(BOOT_TIME) or self.run.has(UPTIME_SECONDS)

    @cached_property
    def boots(self) -> list[int]:
        return [event.end_ms for event in self.run.events if event.kind == "boot"]

    @cached_property
    def cpu(self) -> pd.DataFrame:
        """The shares of CPU time of the whole machine, in percent, and "busy"."""
        return derived.cpu_shares(self.run)

    @cached_property
    def cpu_seconds(self) -> pd.Series:
        return derived.cpu_seconds(self.run)

    @property
    def cpu_group(self) -> Group:
        """Where CPU time comes from: counters, or shares that a CSV brought."""
        return Group.CPU if self.run.has(CPU_IDLE) else Group.SHARE

    @cached_property
    def busy_by_cpu(self) -> pd.DataFrame:
        return derived.cpu_busy_by_cpu(self.run)

    @property
    def samples(self) -> int:
        return len(self.run.axis(self.run.main_group))

    @property
    def interval(self) -> str:
        """The usual interval between samples, as an adjective."""
        return times.interval(self.run.main_intervals.valid_seconds)

    @property
    def coverage(self) -> float | None:
        """The share of the period that lies between samples, in percent; None for a single sample."""
        return None if self.run.coverage is None else 100 * self.run.coverage

    @property
    def hardware(self) -> str:
        """Say what the machine is, as far as it is known."""
        facts: dict[str, Any] = self.run.facts.get("cpuinfo") or {}
        cpus = derived.cpu_count(self.run)
        memory = derived.only(self.run.values(MEMORY_TOTAL), "").max()
        known = [
            units.counted(cpus, "CPU") if cpus else "",
            shown(str(facts.get("model_name", ""))),
            f"{units.text(memory, units.BYTES)} of memory" if memory > 0 else "",
        ]
        return ", ".join(filter(None, known)) or "not recorded"


def chosen(wanted: str, found: Devices) -> list[str]:
    """Return the devices that a setting names; one that the machine does not have is as if none was named."""
    if wanted == BUSIEST:
        return found.drawn[:1]
    return [wanted] if wanted in {*found.listed, *found.named} else found.drawn


def mean(series: pd.Series, seconds: pd.Series) -> float | None:
    """Return the mean of a series weighted by time; None if it has no value."""
    weights = seconds.reindex(series.index)
    there = series.notna() & weights.notna()
    if not there.any() or not weights[there].sum() > 0:
        return None
    return float(np.average(series[there], weights=weights[there]))


def peak(series: pd.Series) -> tuple[float | None, int]:
    """Return the largest value and its time; (None, 0) if there is none."""
    if not series.notna().any():
        return None, 0
    at_ms = int(series.idxmax())
    return float(series[at_ms]), at_ms

"""A finding: what is wrong, where, when and how long, with the series that proves it; plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"


SEVERITIES = tuple(Severity)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    title: str
    unit: str
    limit: float | None
    """What the series was measured against; None where there is no limit."""
    series: pd.Series
    """The whole series, indexed by Unix milliseconds, in `unit`."""
    peak: float
    peak_at_ms: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """A process that used the resource in the time of a finding."""

    name: str
    """The program and where it runs, as recorded: "java (tomcat9)"."""
    amount: float
    """How much, in `unit`."""
    unit: str
    share: float
    """In percent of what `of` says."""
    of: str
    """"CPU time used", "bytes read and written by the recorded processes" ..."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Another metric whose median in the time of a finding was not where it is nine tenths of the time."""

    name: str
    unit: str
    median: float
    low: float
    """The 5th percentile of the whole run."""
    high: float
    """The 95th."""


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    severity: Severity
    resource: str
    """cpu, memory, disk, network, filesystem, system, container or data."""
    subject: str
    """Which one: "CPU 1", "sda", "/var", a container's name."""
    start_ms: int
    end_ms: int
    sentence: str
    evidence: Evidence
    # What follows is added to what a rule found, from the rule and from the run.
    ident: str = ""
    """f-<rule>-<machine>-<yyyymmddThhmm>-<4 hexadecimal digits>, the same whenever the episode is found again."""
    title: str = ""
    """What the rule looks for."""
    samples: int = 0
    """Values of the evidence in its time."""
    value: float | None = None
    """The mean of those, weighted by time, in the unit of the evidence."""
    who: Sequence[Consumer] = ()
    """The biggest first; empty where no process was recorded in its time."""
    moved: Sequence[Moved] = ()
    meaning: str = ""
    """What it usually means."""
    next_steps: Sequence[str] = ()
    """What to check next, commands among it."""

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.start_ms) / 1000

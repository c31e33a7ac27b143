"""A finding: what is wrong, where, when and how long, with the series that proves it; plain data."""

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
class Finding:
    rule: str
    severity: Severity
    resource: str
    """cpu, memory, disk, network, filesystem, pressure, container or data."""
    subject: str
    """Which one: "CPU 1", "sda", "/var", a container's name."""
    start_ms: int
    end_ms: int
    sentence: str
    evidence: Evidence

"""What a machine cannot exceed: a rate above that was counted wrongly; it is kept, and marked as suspect."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.metrics import (
    ALL_CPUS,
    CPU_IDLE,
    CPU_MODES,
    CPU_SHARES,
    DISK_BUSY,
    PRESSURE_LINES,
    RECEIVED_BYTES,
    SENT_BYTES,
    Metric,
)

SLACK = 1.05
STAMP_SECONDS = 1.0
"""Where only the wall clock is known, stamps of whole seconds make an interval so much too short."""
SUM_PERCENT = 1.0
"""Shares of CPU time that came ready made must sum to 100 % within this."""
OF_ALL_TIME = frozenset({DISK_BUSY, *PRESSURE_LINES.values()})
"""Seconds in which something was so: one a second at most."""
LIMITED = (*CPU_MODES, DISK_BUSY, RECEIVED_BYTES, SENT_BYTES, *PRESSURE_LINES.values())
"""The counters of which the most is known."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An interval in which a counter grew faster than is possible."""

    metric: Metric
    instance: str
    at_ms: int
    """The sample that ends the interval."""
    rate: float
    """In the metric's unit a second, as is the limit."""
    limit: float


def limit(run: Run, metric: Metric, instance: str) -> float | None:
    """Return how fast a counter can grow, in its unit a second: as the link or the CPUs allow; None if unknown."""
    if metric in OF_ALL_TIME:
        return 1.0
    if metric in CPU_MODES:
        return (float(len(derived.cpus(run)) or derived.cpu_count(run)) or None) if instance == ALL_CPUS else 1.0
    if metric in (RECEIVED_BYTES, SENT_BYTES):
        link: Any = (run.facts.get("interfaces") or {}).get(instance)
        bits = link.get("bits_per_second") if isinstance(link, dict) else None
        return bits / 8 if isinstance(bits, int | float) and bits > 0 else None
    return None


def marks(run: Run, metric: Metric) -> pd.DataFrame:
    """Say where a counter grew faster than it can: a column of truth values per instance, a row per sample."""
    intervals = run.intervals(metric.group)
    seconds = intervals.valid_seconds + np.where(intervals.sure, 0.0, STAMP_SECONDS)
    rates = run.deltas(metric).div(seconds, axis=0)
    most = {instance: limit(run, metric, instance) for instance in rates}
    return rates.gt({instance: np.inf if known is None else SLACK * known for instance, known in most.items()})


def cpu_marks(run: Run, cpu: str = ALL_CPUS) -> pd.Series:
    """Say for which rows of `derived.cpu_shares` the modes sum to more time than there was, or not to 100 %."""
    suspect = pd.Series(False, index=derived.cpu_shares(run, cpu).index)
    if cpu in run.instances(CPU_IDLE) and (most := limit(run, CPU_IDLE, cpu)) is not None:
        intervals = run.intervals(CPU_IDLE.group)
        seconds = intervals.valid_seconds + np.where(intervals.sure, 0.0, STAMP_SECONDS)
        every = sum(derived.only(run.deltas(metric), cpu).fillna(0) for metric in CPU_MODES)
        counted = pd.Series(every).div(seconds) > SLACK * most
        suspect |= counted.reindex(suspect.index, fill_value=False)
    if cpu == ALL_CPUS and not run.has(CPU_IDLE):
        every = pd.DataFrame({mode: derived.only(run.values(metric), "") for mode, metric in CPU_SHARES.items()})
        wrong = (every.sum(axis=1, min_count=len(derived.MODES)) - derived.PERCENT).abs() > SUM_PERCENT
        suspect |= wrong.reindex(suspect.index, fill_value=False)
    return suspect


def suspects(run: Run) -> list[Suspect]:
    """Return every interval in which a counter grew faster than it can, in order of time."""
    found = []
    for metric in LIMITED:
        if not run.has(metric):
            continue
        rates = run.rates(metric)
        for instance, marked in marks(run, metric).items():
            name = str(instance)
            most = limit(run, metric, name)
            if most is not None:
                for at_ms, rate in rates.loc[marked, name].items():
                    found.append(Suspect(metric, name, int(at_ms), float(rate), most))
    return sorted(found, key=lambda one: (one.at_ms, one.metric.name, one.instance))

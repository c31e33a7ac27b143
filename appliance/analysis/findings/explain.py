"""What a finding needs beside its episode: who used the resource then, what else moved, and a name that lasts."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.analysis.derived import PERCENT, memory_used, only
from appliance.analysis.findings.finding import Consumer, Finding, Moved
from appliance.analysis.findings.rule import Rule
from appliance.analysis.findings.shares import all_cpus
from appliance.analysis.run import Run
from appliance.metrics import (
    ALL_CPUS,
    CONTEXT_SWITCHES,
    CPU_IDLE,
    CPU_IOWAIT,
    CPU_MODES,
    CPU_WAITING,
    DISK_READ_BYTES,
    DISK_WRITTEN_BYTES,
    IO_WAITING,
    MAJOR_FAULTS,
    MEMORY_TOTAL,
    MEMORY_WAITING,
    RECEIVED_BYTES,
    SENT_BYTES,
    SWAPPED_IN,
    SWAPPED_OUT,
    TASKS_RUNNING,
    Kind,
    Metric,
)
from appliance.process_metrics import PROCESS_CPU, PROCESS_MEMORY

MOST_CONSUMERS, MOST_MOVED = 3, 3
LOW, HIGH = 5, 95
ENOUGH_SAMPLES = 60
"""A run of fewer has no usual range to leave."""
LEAST_SHARE = 1.0
"""Who used less than this percent is not named."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Range:
    name: str
    unit: str
    at_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    low: float
    high: float
    least: float
    """A change of less is nothing to tell, in the unit."""


class Surroundings:
    """What else a run shows beside a finding; its ranges are computed once, and only when something was found."""

    def __init__(self, run: Run):
        self.run = run

    def moved(self, finding: Finding) -> list[Moved]:
        """Return the metrics that were farthest from their usual range, of those that the finding is not about."""
        found: list[tuple[float, Moved]] = []
        for usual in self.ranges:
            if usual.name.partition(":")[0] in finding.evidence.title:
                continue
            rows = window(usual.at_ms, finding)
            within = usual.values[rows]
            within = within[np.isfinite(within)]
            if not len(within):
                continue
            median = float(np.median(within))
            beyond = max(usual.low - median, median - usual.high)
            if beyond > usual.least:
                scale = max(usual.high - usual.low, usual.least)
                found.append((beyond / scale, Moved(usual.name, usual.unit, median, usual.low, usual.high)))
        found.sort(key=lambda one: (-one[0], one[1].name))
        return [moved for _, moved in found[:MOST_MOVED]]

    @cached_property
    def ranges(self) -> list[Range]:
        found = []
        for name, unit, least, series in watched(self.run):
            values = np.asarray(series, np.float64)
            known = values[np.isfinite(values)]
            if len(known) >= ENOUGH_SAMPLES:
                low, high = np.percentile(known, (LOW, HIGH))
                at_ms = series.index.to_numpy()
                found.append(Range(name, unit, at_ms, values, float(low), float(high), least))
        return found

    def who(self, finding: Finding, metrics: Sequence[Metric]) -> list[Consumer]:
        """Return the processes that used most in the time of a finding."""
        amounts: dict[str, float] = {}
        for metric in metrics:
            table = self.run.tables.get(metric.group)
            if table is None:
                continue
            rows = window(table.at_ms, finding)
            for process, values in self.run.columns(metric).items():
                mask = values.mask()[rows]
                numbers = values.numbers[rows][mask] / metric.per_unit
                if len(numbers):
                    # A gauge holds: it counts in the samples in which it was among the biggest.
                    used = numbers.max() if metric.kind is Kind.GAUGE else numbers.sum()
                    amounts[process] = amounts.get(process, 0.0) + float(used)
        if not amounts:
            return []
        whole, of = self.whole(finding, metrics[0], sum(amounts.values()))
        ranked = sorted(amounts.items(), key=lambda one: (-one[1], one[0]))[:MOST_CONSUMERS]
        return [
            Consumer(name, amount, metrics[0].unit.value, PERCENT * amount / whole, of)
            for name, amount in ranked
            if whole > 0 and PERCENT * amount / whole >= LEAST_SHARE
        ]

    def whole(self, finding: Finding, metric: Metric, recorded: float) -> tuple[float, str]:
        """Return what a share is of, and how that is called."""
        run = self.run
        if metric is PROCESS_CPU and (used := cpu_used(run, finding)) > 0:
            # Ticks are counted at different moments: what the processes used is the least that was used.
            return max(used, recorded), "CPU time used"
        if metric is PROCESS_MEMORY and run.has(MEMORY_TOTAL):
            return float(only(run.values(MEMORY_TOTAL), "").max()), "memory"
        return recorded, "what the recorded processes used"


def explain(rule: Rule, findings: Iterable[Finding], surroundings: Surroundings) -> Iterator[Finding]:
    """Give the findings of a rule with what they need beside their episode, but for their names."""
    for finding in findings:
        series = finding.evidence.series
        within = series.iloc[window(series.index.to_numpy(), finding)].dropna()
        yield replace(
            finding, title=rule.title, samples=len(within), value=float(within.mean()) if len(within) else None,
            who=surroundings.who(finding, rule.who), moved=surroundings.moved(finding),
            meaning=rule.meaning, next_steps=rule.next_steps,
        )  # fmt: skip


def named(run: Run, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give findings, in a fixed order, their names, none of them twice."""
    machine = re.sub(r"[^a-z0-9]+", "-", run.machine_id.lower()).strip("-")[:40].rstrip("-") or "machine"
    taken: set[str] = set()
    for finding in findings:
        began = datetime.fromtimestamp(finding.start_ms / 1000, UTC)
        known = "\0".join([finding.rule, run.machine_id, finding.subject, str(finding.start_ms)])
        ident = name = ""
        while not ident or ident in taken:
            # Four digits are few: of two findings in the same minute that share them, the later one is counted on.
            digest = hashlib.sha256((known + name).encode("utf-8", "surrogatepass")).hexdigest()[:4]
            ident, name = f"f-{finding.rule}-{machine}-{began:%Y%m%dT%H%M}-{digest}", name + "\0"
        taken.add(ident)
        yield replace(finding, ident=ident)


def window(at_ms: npt.NDArray[np.int64], finding: Finding) -> slice:
    """Return the rows of a finding's time: a value is of the interval that ends at its own."""
    first, after = np.searchsorted(at_ms, (finding.start_ms, finding.end_ms), side="right").tolist()
    # A finding that begins and ends at the same sample is of that sample.
    return slice(first - 1 if first == after and first else first, after)


def cpu_used(run: Run, finding: Finding) -> float:
    """Return the CPU time that the machine used in the time of a finding, in seconds; 0 where it is not known."""
    used = 0.0
    for metric in CPU_MODES:
        values = run.columns(metric).get(ALL_CPUS)
        if values is None or metric in (CPU_IDLE, CPU_IOWAIT):
            continue
        grown = only(run.deltas(metric), ALL_CPUS)
        used += float(np.nansum(grown.iloc[window(grown.index.to_numpy(), finding)]))
    return used


def watched(run: Run) -> Iterator[tuple[str, str, float, pd.Series]]:
    """Give what may move beside a finding: name, unit, least change worth telling, series."""
    if run.has(CPU_IDLE):
        shares = all_cpus(run)
        yield "CPU busy", "% of all CPU time", 5, shares["busy"]
        yield "CPU waiting for disks", "% of all CPU time", 2, shares["iowait"]
        yield "CPU time stolen", "% of all CPU time", 1, shares["steal"]
    if run.has(TASKS_RUNNING):
        yield "Tasks running or ready", "tasks", 1, only(run.values(TASKS_RUNNING), "")
    if run.has(MEMORY_TOTAL):
        yield "Memory used", "% of memory", 2, memory_used(run)["percent"]
    for name, metric, scale, unit, least in (
        ("Context switches", CONTEXT_SWITCHES, 1, "1/s", 500),
        ("Pages swapped in", SWAPPED_IN, 1, "pages/s", 10),
        ("Pages swapped out", SWAPPED_OUT, 1, "pages/s", 10),
        ("Major page faults", MAJOR_FAULTS, 1, "1/s", 10),
        ("Waited for CPU", CPU_WAITING, PERCENT, "% of time", 2),
        ("Waited for memory", MEMORY_WAITING, PERCENT, "% of time", 2),
        ("Waited for I/O", IO_WAITING, PERCENT, "% of time", 2),
    ):
        if run.has(metric):
            yield name, unit, least, only(run.rates(metric), "") * scale
    for name, metric in (
        ("Read from disks", DISK_READ_BYTES),
        ("Written to disks", DISK_WRITTEN_BYTES),
        ("Received", RECEIVED_BYTES),
        ("Sent", SENT_BYTES),
    ):
        rates = run.rates(metric)
        for device in rates.columns:
            if not re.fullmatch(r"(loop|ram|zram|veth|dm-).*|lo|(sd|vd|xvd|hd)[a-z]+[0-9]+|.*[0-9]p[0-9]+", device):
                yield f"{name}: {device}", "MB/s", 1, rates[device] / 1e6

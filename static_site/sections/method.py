"""How this was measured: what each quantity is computed from, and the rules that hold for all of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from appliance import metrics
from appliance.analysis import derived
from appliance.metrics import ALL_CPUS, Group, Metric
from static_site.content import Cell, Head, Link, Links, Section, Table
from static_site.subject import Subject


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    formula: str
    metrics: tuple[Metric, ...]


DEFINITIONS = (
    Definition("CPU modes", "growth of a mode ÷ growth of all modes; user includes nice", metrics.CPU_MODES),
    Definition("CPU modes from a CSV", "as the file says", tuple(metrics.CPU_SHARES.values())),
    Definition("CPU busy", "100 % − idle − iowait", (metrics.CPU_IDLE, metrics.CPU_IOWAIT)),
    Definition("Tasks", "as read at the sample", (metrics.TASKS_RUNNING, metrics.TASKS_BLOCKED)),
    Definition("Memory used", "total − available", (metrics.MEMORY_TOTAL, metrics.MEMORY_AVAILABLE)),
    Definition("Memory cached", "cached + buffers", (metrics.MEMORY_CACHED, metrics.MEMORY_BUFFERS)),
    Definition("Swap used", "total − free", (metrics.MEMORY_SWAP_TOTAL, metrics.MEMORY_SWAP_FREE)),
    Definition("Swapping", "growth ÷ seconds", (metrics.SWAPPED_IN, metrics.SWAPPED_OUT)),
    Definition("Major faults, kills", "growth ÷ seconds; growth", (metrics.MAJOR_FAULTS, metrics.OOM_KILLS)),
    Definition(
        "Pressure", "growth ÷ seconds, in %", tuple(metrics.PRESSURE_LINES.values())
    ),
    Definition("Disk throughput", "growth ÷ seconds", (metrics.DISK_READ_BYTES, metrics.DISK_WRITTEN_BYTES)),
    Definition(
        "Disk wait", "growth of time ÷ growth of requests; reads and writes together",
        (metrics.DISK_READ_TIME, metrics.DISK_WRITE_TIME, metrics.DISK_READS, metrics.DISK_WRITES),
    ),
    Definition("Disk busy", "growth ÷ seconds, in %", (metrics.DISK_BUSY,)),
    Definition("Network", "growth ÷ seconds × 8", (metrics.RECEIVED_BYTES, metrics.SENT_BYTES)),
    Definition(
        "Errors, drops", "growth in the period",
        (metrics.RECEIVED_ERRORS, metrics.SENT_ERRORS, metrics.RECEIVED_DROPS, metrics.SENT_DROPS),
    ),
    Definition(
        "Space used", "(size − free) ÷ (size − free + available), as df",
        (metrics.FILESYSTEM_SIZE, metrics.FILESYSTEM_FREE, metrics.FILESYSTEM_AVAILABLE),
    ),
    Definition("Container CPU", "growth ÷ seconds: CPUs", (metrics.CONTAINER_CPU,)),
    Definition("Container limit", "quota ÷ period", (metrics.CONTAINER_QUOTA, metrics.CONTAINER_PERIOD)),
    Definition(
        "Container held back", "growth of periods held back ÷ growth of periods",
        (metrics.CONTAINER_THROTTLED, metrics.CONTAINER_PERIODS),
    ),
)  # fmt: skip
RULES = (
    "A rate needs two samples: the first sample has none, nor has one after a boot, a gap or a reset of its counter. "
    "Nothing is filled in, and what was not collected is never shown as zero.",
    "A gap is an interval more than 2.5 times as long as those around it. Lines do not cross it; totals include it.",
    "Lengths of intervals come from the clock since boot where it was recorded, so setting the other does no harm.",
    "Where samples are more than a chart has room for, it shows means, the 5th to 95th percentile and the maximum of "
    "equal stretches of time: a single high sample stays visible.",
    "All times are UTC. What is held, memory and file systems, counts in powers of 1024 (KiB, MiB); what is moved, by "
    "disks and networks, in powers of 1000 (kB/s, Mbit/s).",
)


def definitions(subject: Subject, groups: Collection[Group]) -> Section:
    """Return how what a page shows was computed, of the metrics of some groups that the machine has."""
    rows = []
    for definition in DEFINITIONS:
        collected = [
            metric
            for metric in definition.metrics
            if metric.group in groups and subject.run.has(metric) and used(subject, metric)
        ]
        if collected:
            rows.append(described(definition, collected))
    parts: list[Any] = [Links([Link("All definitions, rules and limits", "../../method.html")])]
    if rows:
        parts.insert(0, Table("method-table", "Definitions of what this machine's data holds", HEADS, rows))
    answer = "" if rows else "The page shows values as they were read."
    return Section("method", "How this was measured", answer, parts)


HEADS = (Head("shown as", False), Head("computed as", False), Head("from", False), Head("metrics", False))


def described(definition: Definition, metrics: Sequence[Metric]) -> list[Cell]:
    sources = dict.fromkeys(metric.source.replace("container/", "container/*") for metric in metrics)
    return [
        Cell(definition.name), Cell(definition.formula), Cell(", ".join(sources)),
        Cell("\n".join(f"{metric.name}: {metric.sentence}" for metric in metrics)),
    ]  # fmt: skip


def used(subject: Subject, metric: Metric) -> bool:
    """Say whether the page shows a metric: shares that a CSV brought fill in only where counters have no value."""
    if metric.group is not Group.SHARE:
        return True
    counted = derived.from_counters(subject.run, ALL_CPUS)
    known = counted["busy"].dropna().index if len(counted) else counted.index
    return not subject.run.values(metric).index.isin(known).all()

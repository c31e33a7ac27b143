"""How this was measured: what each quantity is computed from, and the rules that hold for all of them."""

from dataclasses import dataclass

from appliance import metrics
from appliance.analysis import derived
from appliance.metrics import ALL_CPUS, Group, Metric
from static_site.content import Cell, Head, Note, Section, Table
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


def section(subject: Subject) -> Section:
    heads = [Head("shown as", False), Head("computed as", False), Head("from", False), Head("metrics", False)]
    rows = []
    for definition in DEFINITIONS:
        collected = [metric for metric in definition.metrics if subject.run.has(metric) and used(subject, metric)]
        if collected:
            sources = dict.fromkeys(metric.source.replace("container/", "container/*") for metric in collected)
            rows.append([
                Cell(definition.name), Cell(definition.formula), Cell(", ".join(sources)),
                Cell("\n".join(f"{metric.name}: {metric.sentence}" for metric in collected)),
            ])  # fmt: skip
    parts: list[Note | Table] = [Note(rule) for rule in RULES]
    if rows:
        parts.append(Table("method-table", "Definitions of what this machine's data holds", heads, rows))
    return Section("method", "How this was measured", "", parts)


def used(subject: Subject, metric: Metric) -> bool:
    """Say whether the page shows a metric: shares that a CSV brought fill in only where counters have no value."""
    if metric.group is not Group.SHARE:
        return True
    counted = derived.from_counters(subject.run, ALL_CPUS)
    known = counted["busy"].dropna().index if len(counted) else counted.index
    return not subject.run.values(metric).index.isin(known).all()

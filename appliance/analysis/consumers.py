"""Who used it: the biggest consumers of a counted resource, with others and what nobody accounts for, to the total."""

from dataclasses import dataclass

from appliance.analysis.run import Run
from appliance.metrics import ALL_CPUS, CPU_IDLE, CPU_IOWAIT, CPU_MODES, Metric

MOST = 12


@dataclass(frozen=True, slots=True)
class Consumers:
    """Amounts in the metric's unit: top + others + unattributed = total."""

    top: list[tuple[str, float]]
    """(instance, amount), the largest first."""
    others: float
    others_count: int
    unattributed: float
    """What the machine used and no consumer was seen to use; below 0 where consumers account for more than it."""
    total: float


def consumers(run: Run, metric: Metric, total: float | None = None, most: int = MOST) -> Consumers | None:
    """
    Return who used the most of a counter or growth; None where it was not collected.

    `total` is what the whole machine used (`cpu_seconds_used` for CPU time); without it, what the consumers sum to.
    """
    if not run.has(metric):
        return None
    used = run.totals(metric).dropna()
    if used.empty:
        return None
    ranked = sorted(((str(name), float(amount)) for name, amount in used.items()), key=lambda one: (-one[1], one[0]))
    top, rest = ranked[:most], ranked[most:]
    others, seen = sum(amount for _, amount in rest), sum(amount for _, amount in ranked)
    whole = seen if total is None else total
    return Consumers(top, others, len(rest), whole - seen, whole)


def cpu_seconds_used(run: Run) -> float | None:
    """Return the CPU time that the whole machine used, gaps included; None where that was not recorded."""
    if ALL_CPUS not in run.instances(CPU_IDLE):
        return None
    used = [run.totals(metric).get(ALL_CPUS) for metric in CPU_MODES if metric not in (CPU_IDLE, CPU_IOWAIT)]
    known = [float(seconds) for seconds in used if seconds is not None and seconds >= 0]
    return sum(known) if known else None

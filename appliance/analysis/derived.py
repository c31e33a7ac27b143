"""Series that are computed from several metrics: shares of CPU time, used memory, waits of disks ..."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from appliance.analysis.run import Floats, Run
from appliance.metrics import (
    ALL_CPUS,
    CONTAINER_PERIODS,
    CONTAINER_THROTTLED,
    CPU_IDLE,
    CPU_MODES,
    CPU_SHARES,
    CPU_USER,
    DISK_READ_TIME,
    DISK_READS,
    DISK_WRITE_TIME,
    DISK_WRITES,
    FILESYSTEM_AVAILABLE,
    FILESYSTEM_FREE,
    FILESYSTEM_SIZE,
    MEMORY_AVAILABLE,
    MEMORY_SWAP_FREE,
    MEMORY_SWAP_TOTAL,
    MEMORY_TOTAL,
    Metric,
)

MODES = tuple(metric.name.removeprefix("cpu_").removesuffix("_seconds_total") for metric in CPU_MODES)
PERCENT = 100.0
SUM_TOLERANCE = 1.0
"""Shares of CPU time that came ready made must sum to 100 % within this."""


def cpus(run: Run) -> list[str]:
    """Return the CPUs by number, the whole machine not among them."""
    return sorted((cpu for cpu in run.instances(CPU_USER) if cpu != ALL_CPUS), key=lambda cpu: (len(cpu), cpu))


def cpu_count(run: Run) -> int:
    """Return how many CPUs a machine has: as recorded, else as many as there are counters of; 0 if neither says."""
    return run.cpu_count


def cpu_shares(run: Run, cpu: str = ALL_CPUS) -> pd.DataFrame:
    """
    Return the share of each mode in all CPU time of each interval, in percent, and "busy": all but idle and iowait.

    Guest time is inside user and nice. A mode that was not collected is NaN, as are first samples, boots and gaps.
    Where no counters were recorded, the shares that a CSV brought are taken.
    """
    shares = from_counters(run, cpu)
    if cpu == ALL_CPUS and run.has(*(CPU_SHARES[mode] for mode in ("user", "idle"))):
        brought = pd.DataFrame({mode: only(run.values(metric), "") for mode, metric in CPU_SHARES.items()})
        brought["busy"] = PERCENT - brought["idle"] - brought["iowait"].fillna(0)
        shares = shares.combine_first(brought) if len(shares) else brought
    return shares.reindex(columns=[*MODES, "busy"])


def cpu_shares_over_gaps(run: Run) -> pd.DataFrame:
    """Return the shares of the whole machine over each gap, at the sample after it; NaN everywhere else."""
    return from_counters(run, ALL_CPUS, over_gaps=True).reindex(columns=[*MODES, "busy"])


def cpu_seconds(run: Run) -> pd.Series:
    """Return the weight of each row of `cpu_shares`, in seconds."""
    seconds = [run.seconds(metric) for metric in (CPU_IDLE, CPU_SHARES["idle"]) if run.has(metric)]
    return seconds[0].combine_first(seconds[-1]) if seconds else pd.Series(dtype="float64")


def cpu_suspects(run: Run, cpu: str = ALL_CPUS) -> pd.Series:
    """
    Say which rows of `cpu_shares` were counted wrongly: more CPU time than there was, or shares that are not 100 %.

    Shares from counters sum to 100 % by themselves, so it is their time that tells; those of a CSV are taken as they
    are.
    """
    rows = cpu_shares(run, cpu).index
    if cpu in run.instances(CPU_IDLE):
        most = run.most_per_second(CPU_IDLE, cpu)
        longest = run.intervals(CPU_IDLE.group).longest_seconds
        with np.errstate(invalid="ignore"):
            more = cpu_time(run, cpu)[1] > (np.inf if most is None else most) * longest
        wrong = pd.Series(more, run.axis(CPU_IDLE.group))
    else:
        brought = pd.DataFrame({mode: only(run.values(metric), "") for mode, metric in CPU_SHARES.items()})
        # A sum of fewer modes may well be less.
        wrong = (brought.sum(axis=1, min_count=len(MODES)) - PERCENT).abs() > SUM_TOLERANCE
    return wrong.reindex(rows, fill_value=False)


def from_counters(run: Run, cpu: str, *, over_gaps: bool = False) -> pd.DataFrame:
    if cpu not in run.instances(CPU_IDLE):
        return pd.DataFrame()
    grown, every = cpu_time(run, cpu, over_gaps=over_gaps)
    shares = pd.DataFrame({mode: column / every * PERCENT for mode, column in grown.items()}, run.axis(CPU_IDLE.group))
    shares["busy"] = busy(grown, every)
    return shares


def cpu_time(run: Run, cpu: str, *, over_gaps: bool = False) -> tuple[dict[str, Floats], Floats]:
    """
    Return (CPU time by mode, all of it) in each interval, in seconds, each (n,); all of it is NaN where unknown.

    Or in each gap, with `over_gaps`, and NaN elsewhere.
    """
    grown = {mode: run.delta(metric, cpu) for mode, metric in zip(MODES, CPU_MODES, strict=True)}
    # Old kernels have no steal: the modes that are there are all CPU time.
    every = np.zeros(len(grown["idle"]))
    for column in grown.values():
        every += np.nan_to_num(column)
    intervals = run.intervals(CPU_IDLE.group)
    wanted = intervals.gaps if over_gaps else np.isfinite(intervals.valid_seconds)
    known = wanted & np.isfinite(grown["idle"]) & (every > 0)
    return grown, np.where(known, every, np.nan)


def busy(grown: Mapping[str, Floats], every: Floats) -> Floats:
    return PERCENT - (grown["idle"] + np.nan_to_num(grown["iowait"])) / every * PERCENT


def only(frame: pd.DataFrame, instance: str) -> pd.Series:
    """Return one instance's column, all NaN if it was not collected."""
    return frame[instance] if instance in frame else pd.Series(np.nan, index=frame.index)


def cpu_busy_by_cpu(run: Run) -> pd.DataFrame:
    """Return how busy each CPU was, in percent: a column per CPU, by number."""
    counted = {cpu: busy(*cpu_time(run, cpu)) for cpu in cpus(run) if cpu in run.instances(CPU_IDLE)}
    return pd.DataFrame(counted, run.axis(CPU_IDLE.group)).reindex(columns=cpus(run))


def memory_used(run: Run) -> pd.DataFrame:
    """Return used memory: "bytes" (total less available) and "percent" of the total."""
    total, available = (only(run.values(metric), "") for metric in (MEMORY_TOTAL, MEMORY_AVAILABLE))
    used = total - available
    return pd.DataFrame({"bytes": used, "percent": PERCENT * used / total.where(total > 0)})


def swap_used(run: Run) -> pd.DataFrame:
    """Return used swap: "bytes" and "percent" of the swap there is; NaN where there is none."""
    total, free = (only(run.values(metric), "") for metric in (MEMORY_SWAP_TOTAL, MEMORY_SWAP_FREE))
    used = total - free
    return pd.DataFrame({"bytes": used, "percent": PERCENT * used / total.where(total > 0)})


def filesystem_used(run: Run) -> pd.DataFrame:
    """Return how full each mount is for programs without privilege, in percent: used / (used + available), as df."""
    size, free, available = (run.values(metric) for metric in (FILESYSTEM_SIZE, FILESYSTEM_FREE, FILESYSTEM_AVAILABLE))
    used = size - free
    whole = used + available
    return PERCENT * used / whole.where(whole > 0)


def disk_wait(run: Run) -> pd.DataFrame:
    """Return the mean time of a read or write, in seconds, per disk; NaN in an interval with no request."""
    requests = run.deltas(DISK_READS).add(run.deltas(DISK_WRITES), fill_value=0)
    time = run.deltas(DISK_READ_TIME).add(run.deltas(DISK_WRITE_TIME), fill_value=0)
    return (time / requests.where(requests > 0)).where(run.seconds(DISK_READS).notna(), axis=0)


def share_of_time(run: Run, metric: Metric) -> pd.DataFrame:
    """Return a counter of seconds as percent of the time in each interval (busy disks, pressure)."""
    return run.rates(metric) * PERCENT


def container_throttled(run: Run) -> pd.DataFrame:
    """Return the share of its periods in which each container was held back, in percent; NaN with no period."""
    periods = run.deltas(CONTAINER_PERIODS)
    share = PERCENT * run.deltas(CONTAINER_THROTTLED) / periods.where(periods > 0)
    return share.where(run.seconds(CONTAINER_PERIODS).notna(), axis=0)

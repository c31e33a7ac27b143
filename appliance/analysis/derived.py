"""Series that are computed from several metrics: shares of CPU time, used memory, waits of disks ..."""

import numpy as np
import pandas as pd

from appliance.analysis.run import Run
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


def cpu_seconds(run: Run) -> pd.Series:
    """Return the weight of each row of `cpu_shares`, in seconds."""
    seconds = [run.seconds(metric) for metric in (CPU_IDLE, CPU_SHARES["idle"]) if run.has(metric)]
    return seconds[0].combine_first(seconds[-1]) if seconds else pd.Series(dtype="float64")


def from_counters(run: Run, cpu: str) -> pd.DataFrame:
    if cpu not in run.instances(CPU_IDLE):
        return pd.DataFrame()
    grown = {mode: only(run.deltas(metric), cpu).to_numpy() for mode, metric in zip(MODES, CPU_MODES, strict=True)}
    # Old kernels have no steal: the modes that are there are all CPU time.
    every = sum((np.nan_to_num(growth) for growth in grown.values()), np.zeros(len(grown["idle"])))
    valid = run.seconds(CPU_IDLE).notna().to_numpy() & np.isfinite(grown["idle"]) & (every > 0)
    whole = np.where(valid, every, np.nan)
    shares = {mode: growth / whole * PERCENT for mode, growth in grown.items()}
    shares["busy"] = PERCENT - shares["idle"] - np.nan_to_num(shares["iowait"])
    return pd.DataFrame(shares, index=run.axis(CPU_IDLE.group))


def only(frame: pd.DataFrame, instance: str) -> pd.Series:
    """Return one instance's column, all NaN if it was not collected."""
    return frame[instance] if instance in frame else pd.Series(np.nan, index=frame.index)


def cpu_busy_by_cpu(run: Run) -> pd.DataFrame:
    """Return how busy each CPU was, in percent: a column per CPU, by number."""
    return pd.DataFrame({cpu: cpu_shares(run, cpu)["busy"] for cpu in cpus(run)})


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

"""Shares of CPU time as several rules need them: computed once for a run, because a month has many samples."""

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from appliance.analysis.derived import PERCENT, cpu_shares, cpus, only
from appliance.analysis.run import Run
from appliance.metrics import CPU_IDLE, CPU_IOWAIT, CPU_MODES

_SHARES: WeakKeyDictionary[Run, pd.DataFrame] = WeakKeyDictionary()


def all_cpus(run: Run) -> pd.DataFrame:
    """Return `derived.cpu_shares` of the whole machine; nobody changes a table that he is given."""
    if run not in _SHARES:
        _SHARES[run] = cpu_shares(run)
    return _SHARES[run]


def busy_by_cpu(run: Run) -> pd.DataFrame:
    """Return what `derived.cpu_busy_by_cpu` does, without the shares of every mode beside it."""
    valid = run.seconds(CPU_IDLE).notna().to_numpy()
    deltas = [(metric, run.deltas(metric)) for metric in CPU_MODES]
    busy = {}
    for cpu in cpus(run):
        every, idle, known = np.zeros(len(valid)), np.zeros(len(valid)), valid.copy()
        for metric, frame in deltas:
            grown = np.asarray(only(frame, cpu), np.float64)
            if metric is CPU_IDLE:
                known &= np.isfinite(grown)
            np.nan_to_num(grown := grown.copy(), copy=False)
            every += grown
            if metric in (CPU_IDLE, CPU_IOWAIT):
                idle += grown
        share = np.full(len(valid), np.nan)
        np.divide(PERCENT * (every - idle), every, out=share, where=known & (every > 0))
        busy[cpu] = share
    return pd.DataFrame(busy, index=run.axis(CPU_IDLE.group))

"""containers.csv (contracts, section 5): what each container used, by time."""

import csv
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance import metrics
from appliance.analysis.run import Run
from appliance.formats.cells import escaped, seconds_text
from appliance.metrics import Group, Metric

HEADER = (
    "timestamp", "container_id", "container_name", "runtime", "cpu_percent", "cpu_user_percent", "cpu_system_percent",
    "memory_current_bytes", "memory_max_bytes", "memory_percent", "io_read_bytes", "io_write_bytes", "io_read_ops",
    "io_write_ops", "pids_current",
)  # fmt: skip
CPU = (metrics.CONTAINER_CPU, metrics.CONTAINER_CPU_USER, metrics.CONTAINER_CPU_SYSTEM)
MEMORY, MEMORY_MAX, TASKS = metrics.CONTAINER_MEMORY, metrics.CONTAINER_MEMORY_MAX, metrics.CONTAINER_TASKS
CUMULATIVE = (
    metrics.CONTAINER_READ_BYTES, metrics.CONTAINER_WRITTEN_BYTES, metrics.CONTAINER_READS, metrics.CONTAINER_WRITES,
)  # fmt: skip

Array = npt.NDArray[Any]


def write(run: Run, stream: IO[str]) -> int:
    """Write containers.csv, by container and time, and return how many rows."""
    writer = csv.writer(stream)
    writer.writerow(HEADER)
    count = 0
    for container in sorted(run.instances(MEMORY)):
        for row in rows(run, container):
            writer.writerow(row)
            count += 1
    return count


def rows(run: Run, container: str) -> Iterator[list[object]]:
    """Give the rows of one container: its CPU time since its sample before, its memory at the instant, all its I/O."""
    fact = run.facts.get(f"container/{container}", {})
    names = [escaped(container), escaped(fact.get("name") or ""), fact.get("runtime", "")]
    seconds = run.intervals(Group.CONTAINER).seconds
    cpu = [percent(column(run.deltas(metric), container), seconds) for metric in CPU]
    memory = percent(column(run.values(MEMORY), container), column(run.values(MEMORY_MAX), container))
    numbers = {metric: whole(run, metric, container) for metric in (MEMORY, MEMORY_MAX, *CUMULATIVE, TASKS)}
    for row in np.flatnonzero(run.columns(MEMORY)[container].mask()).tolist():
        yield [
            seconds_text(int(run.tables[Group.CONTAINER].at_ms[row])),
            *names,
            *(shares[row] for shares in cpu),
            numbers[MEMORY][row],
            numbers[MEMORY_MAX][row],
            memory[row],
            *(numbers[metric][row] for metric in (*CUMULATIVE, TASKS)),
        ]


def column(frame: pd.DataFrame, container: str) -> Array:
    return np.asarray(frame[container]) if container in frame else np.full(len(frame), np.nan)


def percent(part: Array, whole: Array) -> list[str]:
    """Write shares with two decimals, empty where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return [f"{share:.2f}" if np.isfinite(share) else "" for share in (part / whole * 100).tolist()]


def whole(run: Run, metric: Metric, container: str) -> list[int | str]:
    """Return what was read, empty where nothing was."""
    values = run.columns(metric).get(container)
    if values is None:
        return [""] * len(run.tables[Group.CONTAINER].at_ms)
    return [
        number if there else "" for number, there in zip(values.numbers.tolist(), values.mask().tolist(), strict=True)
    ]

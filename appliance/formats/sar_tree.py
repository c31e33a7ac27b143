"""
The tree of sar-style files (contracts, section 2), as the original `pcprocess` wrote it.

By default it has every row that is true. With `compat` it has the rows of the original, which loses the second sample:
the first rates are then over two intervals, and a counter that was reset gives negative ones.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from appliance import metrics
from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.formats.cells import escaped, seconds_text
from appliance.metrics import Group, Metric
from appliance.samples import Column, Samples, Values

# In the order in which the original adds them: another one gives other last digits.
BUSY = (
    metrics.CPU_USER, metrics.CPU_SYSTEM, metrics.CPU_NICE, metrics.CPU_IOWAIT, metrics.CPU_IRQ, metrics.CPU_SOFTIRQ,
    metrics.CPU_STEAL,
)  # fmt: skip
SHOWN = (metrics.CPU_USER, metrics.CPU_NICE, metrics.CPU_SYSTEM, metrics.CPU_IOWAIT, metrics.CPU_STEAL)
REQUESTS = (metrics.DISK_READS, metrics.DISK_WRITES, metrics.DISK_DISCARDS)
TRANSFERS = (metrics.DISK_READ_BYTES, metrics.DISK_WRITTEN_BYTES, metrics.DISK_DISCARDED_BYTES)
PACKETS = (metrics.RECEIVED_PACKETS, metrics.SENT_PACKETS)
TRAFFIC = (metrics.RECEIVED_BYTES, metrics.SENT_BYTES)
RARE = (metrics.RECEIVED_COMPRESSED, metrics.SENT_COMPRESSED, metrics.RECEIVED_MULTICAST)
NOT_USED = (metrics.MEMORY_FREE, metrics.MEMORY_BUFFERS, metrics.MEMORY_CACHED, metrics.MEMORY_SLAB)
KIBIBYTE = 1024

Array = npt.NDArray[Any]


class Series(NamedTuple):
    """One device: the samples (indexes, (n,)) that it has rows for, and the cells of those rows, column by column."""

    name: str
    """As it stands in the file; empty where there is no such column."""
    rows: Array
    cells: Sequence[Array]


@dataclass(frozen=True, slots=True)
class Intervals:
    """The samples (indexes, (n,)) at which intervals begin and end, and how long these are."""

    starts: Array
    ends: Array
    seconds: Array

    def where(self, chosen: Array) -> "Intervals":
        return Intervals(self.starts[chosen], self.ends[chosen], self.seconds[chosen])

    def grown(self, numbers: Array) -> Array:
        return numbers[self.ends] - numbers[self.starts]

    def rate(self, numbers: Array) -> Array:
        # In hundredths of a second, as sar counts: 44 in 10 s are 4.3999999999999995 in the original.
        return np.asarray(self.grown(numbers) / (self.seconds * 100) * 100)


def files(run: Run, *, compat: bool = False) -> Iterator[tuple[str, Iterator[str]]]:
    """Give the path of each file of the tree and its lines; there is no file of what was not recorded."""
    for path, group, head, series in FILES:
        if group in run.tables:
            yield path, lines(run.tables[group], head, series(run, run.tables[group], compat))
    if "cpuinfo" in run.facts:
        yield "system_info.json", iter([json.dumps(go_facts(run.facts["cpuinfo"]), indent=2, ensure_ascii=False), "\n"])


def lines(table: Samples, head: str, series: Iterator[Series]) -> Iterator[str]:
    """Write the rows of all devices by time, and at one time in the order of the devices."""
    by_sample: dict[int, list[str]] = {}
    for device in series:
        name = [device.name] if device.name else []
        for row, *cells in zip(device.rows.tolist(), *(column.tolist() for column in device.cells), strict=True):
            by_sample.setdefault(row, []).append(",".join([*name, *map(number_text, cells)]))
    yield head + "\n"
    for row in sorted(by_sample):
        at = seconds_text(int(table.at_ms[row]))
        yield from (f"{at},{text}\n" for text in by_sample[row])


def quoted(name: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([escaped(name)])
    return buffer.getvalue().removesuffix("\r\n")


def number_text(number: float | None) -> str:
    """Write a number as Go does: the shortest exact digits, with an exponent from a million on; None as nothing."""
    if number is None:
        return ""
    if isinstance(number, int):
        return str(number)
    if abs(number) < 1e6:
        return repr(number).removesuffix(".0")
    digits = len(Decimal(repr(number)).normalize().as_tuple().digits)
    return f"{number:.{digits - 1}e}"


def go_facts(cpuinfo: Mapping[str, Any]) -> dict[str, Any]:
    """Write 2600.0 as 2600, as Go does."""
    return {
        name: int(fact) if isinstance(fact, float) and fact.is_integer() else fact for name, fact in cpuinfo.items()
    }


def intervals_of(run: Run, group: Group, compat: bool) -> Intervals:
    at_ms = run.tables[group].at_ms
    if compat:
        ends = np.arange(2, len(at_ms))
        starts = np.where(ends == 2, 0, ends - 1)
        return Intervals(starts, ends, (at_ms[ends] - at_ms[starts]) / 1000)
    ends = np.arange(1, len(at_ms))
    measured = run.intervals(group)
    every = Intervals(ends - 1, ends, measured.seconds[1:])
    return every.where(~measured.boots[1:] & (measured.seconds[1:] > 0))


def instants(table: Samples, compat: bool) -> Array:
    return np.arange(2 if compat else 0, len(table.at_ms))


def values_of(table: Samples, metric: Metric, instance: str) -> Values:
    """Return a column; one that was not recorded (of an old kernel) is zero wherever it is added to others."""
    n = len(table.at_ms)
    return table.columns.get(Column(metric, instance)) or Values(np.zeros(n, np.int64), np.zeros(n, bool))


def instances(table: Samples) -> list[str]:
    return list(dict.fromkeys(column.instance for column in table.columns))


def cpu(run: Run, table: Samples, compat: bool) -> Iterator[Series]:
    for name in [metrics.ALL_CPUS, *derived.cpus(run)]:
        found = {metric: values_of(table, metric, name) for metric in (*BUSY, metrics.CPU_IDLE)}
        # In seconds, as in the original: the rounding of sums can leave 1.4e-09 % idle.
        counters = {metric: values.numbers / metric.per_unit for metric, values in found.items()}
        there = found[metrics.CPU_IDLE].mask()
        busy = reduce(add, (counters[metric] for metric in BUSY))
        total = busy + counters[metrics.CPU_IDLE]
        intervals = intervals_of(run, Group.CPU, compat)
        intervals = intervals.where(there[intervals.starts] & there[intervals.ends])
        if not compat:
            rising = [intervals.grown(counters[metric]) >= 0 for metric in BUSY if not metric.steps_back]
            intervals = intervals.where(np.all([*rising, intervals.grown(total) > 0], axis=0))
        grown_busy, grown_total = intervals.grown(busy), intervals.grown(total)
        idle_only = grown_busy <= 0
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [intervals.grown(counters[metric]) / grown_total * 100 for metric in SHOWN]
            idle = 100 - grown_busy / grown_total * 100
        cells = [np.where(idle_only, 0.0, np.clip(share, 0, 100)) for share in shares]
        cells.append(np.where(idle_only, 100.0, np.clip(idle, 0, 100)))
        yield Series("-1" if name == metrics.ALL_CPUS else name, intervals.ends, cells)


def devices(
    run: Run, table: Samples, group: Group, compat: bool, shown: Sequence[Metric]
) -> Iterator[tuple[str, Intervals, dict[Metric, Array]]]:
    """Give the devices of a group, the intervals at both ends of which they were there, and their counters."""
    for name in instances(table):
        found = {metric: values_of(table, metric, name) for metric in shown}
        masks = [mask for values in found.values() if (mask := values.mask()).any()]
        there = np.all(masks, axis=0) if masks else np.zeros(len(table.at_ms), bool)
        intervals = intervals_of(run, group, compat)
        intervals = intervals.where(there[intervals.starts] & there[intervals.ends])
        counters = {metric: values.numbers for metric, values in found.items()}
        if not compat:
            intervals = intervals.where(np.all([intervals.grown(counters[metric]) >= 0 for metric in shown], axis=0))
        yield name, intervals, counters


def disks(run: Run, table: Samples, compat: bool) -> Iterator[Series]:
    for name, every, counters in devices(run, table, Group.DISK, compat, (*REQUESTS, *TRANSFERS)):
        used = np.any([values_of(table, metric, name).numbers != 0 for metric in metrics.DISK_FIELDS], axis=0)
        intervals = every.where(used[every.ends])
        requests = [counters[metric] for metric in REQUESTS]
        sectors = [counters[metric] / metrics.SECTOR_BYTES for metric in TRANSFERS]
        yield Series(
            quoted(name),
            intervals.ends,
            [intervals.rate(numbers) for numbers in (reduce(add, requests), *requests, *sectors)],
        )


def interfaces(run: Run, table: Samples, compat: bool) -> Iterator[Series]:
    for name, intervals, counters in devices(run, table, Group.NETWORK, compat, (*PACKETS, *TRAFFIC, *RARE)):
        rates = {metric: intervals.rate(numbers) for metric, numbers in counters.items()}
        yield Series(
            quoted(name),
            intervals.ends,
            [
                *(rates[metric] for metric in PACKETS),
                *(rates[metric] / KIBIBYTE for metric in TRAFFIC),
                *(rates[metric] for metric in RARE),
                # The original has this column and never fills it.
                np.zeros(len(intervals.ends), np.int64),
            ],
        )


def memory(_: Run, table: Samples, compat: bool) -> Iterator[Series]:
    rows = instants(table, compat)
    found = {metric: values_of(table, metric, "") for metric in metrics.MEMORY_FIELDS.values()}
    rows = rows[found[metrics.MEMORY_TOTAL].numbers[rows] > 0]
    kilobytes = {metric: values.numbers[rows] // KIBIBYTE for metric, values in found.items()}
    total, committed = kilobytes[metrics.MEMORY_TOTAL], kilobytes[metrics.MEMORY_COMMITTED]
    used = np.maximum(total - sum(kilobytes[metric] for metric in NOT_USED), 0)

    def cells(metric: Metric) -> Array:
        # Old kernels have no MemAvailable: an empty cell, not zero.
        there = found[metric].mask()[rows]
        return np.where(there, kilobytes[metric].astype(object), np.array(None))

    yield Series(
        "",
        rows,
        [
            cells(metrics.MEMORY_FREE),
            cells(metrics.MEMORY_AVAILABLE),
            used,
            used / total * 100,
            cells(metrics.MEMORY_BUFFERS),
            cells(metrics.MEMORY_CACHED),
            cells(metrics.MEMORY_COMMITTED),
            committed / (total + kilobytes[metrics.MEMORY_SWAP_TOTAL]) * 100,
            cells(metrics.MEMORY_ACTIVE),
            cells(metrics.MEMORY_INACTIVE),
            cells(metrics.MEMORY_DIRTY),
        ],
    )


def mounts(_: Run, table: Samples, compat: bool) -> Iterator[Series]:
    for name in instances(table):
        block, size, available = (
            values_of(table, metric, name)
            for metric in (metrics.FILESYSTEM_BLOCK, metrics.FILESYSTEM_SIZE, metrics.FILESYSTEM_AVAILABLE)
        )
        rows = instants(table, compat)
        rows = rows[size.mask()[rows] & available.mask()[rows] & (size.numbers[rows] > 0)]
        sizes, free = size.numbers[rows], available.numbers[rows]
        # Halves go up, as in Go.
        used = np.floor(100 * (sizes - free) / sizes + 0.5).astype(np.int64)
        yield Series(quoted(name), rows, [block.numbers[rows], sizes, free, used])


FILES: list[tuple[str, Group, str, Callable[[Run, Samples, bool], Iterator[Series]]]] = [
    ("proc/stat", Group.CPU, "#timestamp,CPU,%usr,%nice,%system,%iowait,%steal,%idle", cpu),
    (
        "proc/meminfo",
        Group.MEMORY,
        "#timestamp,kbmemfree,kbavail,kbmemused,%memused,kbbuffers,kbcached,kbcommit,%commit,kbactive,kbinact,kbdirty",
        memory,
    ),
    ("proc/diskstats", Group.DISK, "#timestamp,DEV,tps,rtps,wtps,dtps,bread/s,bwrtn/s,bdscd/s", disks),
    (
        "proc/net/dev",
        Group.NETWORK,
        "#timestamp,IFACE,rxpck/s,txpck/s,rxkB/s,txkB/s,rxcmp/s,txcmp/s,rxmcst/s,%ifutil",
        interfaces,
    ),
    ("statfs_ALL", Group.FILESYSTEM, "#timestamp,mount,blocksize,blockstotal,blocksavail,use", mounts),
]
"""(path, what it shows, header, how it is computed) of each file."""

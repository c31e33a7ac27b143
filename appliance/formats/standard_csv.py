"""The standard CSV (contracts, section 3), out: one row per machine and sample."""

import csv
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.formats import cells, columns
from appliance.metrics import DISK_FIELDS, Group
from appliance.samples import Column, Values

ROWS_AT_ONCE = 4096
Array = npt.NDArray[Any]


class Sheet(NamedTuple):
    """The rows of one machine: times (n,) and the columns that it has, by name."""

    machine: str
    at_ms: Array
    columns: Mapping[str, Values]
    devices: Mapping[str, Sequence[str]]
    """By prefix of their columns."""


def write(runs: Sequence[Run], stream: IO[str], start_ms: int | None = None) -> int:
    """
    Write the header and the rows of some machines, by time and machine, from `start_ms` on; return how many rows.

    There is a row for each sample with shares of CPU time and with memory: none for the first of a recording, or after
    a boot, and none at all of a kernel so old that it does not know how much memory is available.
    """
    ordered = sorted(runs, key=lambda run: run.machine_id)
    sheets = [sheet for run in ordered if len((sheet := sheet_of(run, start_ms)).at_ms)]
    names = header_of(sheets)
    csv.writer(stream, lineterminator="\n").writerow(names)
    if not sheets:
        return 0
    at_ms = np.concatenate([sheet.at_ms for sheet in sheets])
    owners = np.repeat(np.arange(len(sheets)), [len(sheet.at_ms) for sheet in sheets])
    owners = owners[np.lexsort((owners, at_ms))]
    done = [0] * len(sheets)
    for start in range(0, len(owners), ROWS_AT_ONCE):
        part = owners[start : start + ROWS_AT_ONCE]
        lines = np.empty(len(part), object)
        for owner in np.unique(part).tolist():
            mine = part == owner
            end = done[owner] + int(mine.sum())
            lines[mine] = texts(sheets[owner], slice(done[owner], end), names)
            done[owner] = end
        stream.writelines(lines.tolist())
    return len(owners)


def sheet_of(run: Run, start_ms: int | None) -> Sheet:
    shares = derived.cpu_shares(run)
    if start_ms is not None:
        shares = shares[shares.index >= start_ms]
    required = [name.removeprefix("cpu_") for name in columns.SHARES]
    at_ms = np.asarray(shares.index[shares[required].notna().all(axis=1)], np.int64)
    memory = {name: pick(run, Column(metric, ""), at_ms) for name, metric in columns.MEMORY.items()}
    there = np.logical_and.reduce([values.mask() for values in memory.values()])
    at_ms, shares = at_ms[there], shares.loc[at_ms[there]]
    found = {}
    for name in (*columns.SHARES, *columns.MORE_SHARES):
        numbers = shares[name.removeprefix("cpu_")].to_numpy(np.float64)
        found[name] = Values(numbers, ~np.isnan(numbers))
    for name, metric in (columns.MEMORY | columns.SWAP).items():
        found[name] = pick(run, Column(metric, ""), at_ms)
    of_devices = {
        prefix: devices(run, next(iter(measures.values())).group) for prefix, measures in columns.OF_DEVICES.items()
    }
    for prefix, measures in columns.OF_DEVICES.items():
        for device in of_devices[prefix]:
            for measure, metric in measures.items():
                found[columns.name_of(prefix, device, measure)] = pick(run, Column(metric, device), at_ms)
    used = {name: values for name, values in found.items() if values.mask().any()}
    return Sheet(run.machine_id, at_ms, used, of_devices)


def pick(run: Run, column: Column, at_ms: Array) -> Values:
    """Return a column as it was read at some times, shape (n,)."""
    table = run.tables.get(column.metric.group)
    if table is None or column not in table.columns or not len(at_ms):
        return Values(np.zeros(len(at_ms), np.int64), np.zeros(len(at_ms), bool))
    values = table.columns[column]
    rows = np.minimum(np.searchsorted(table.at_ms, at_ms), len(table.at_ms) - 1)
    return Values(values.numbers[rows], values.mask()[rows] & (table.at_ms[rows] == at_ms))


def devices(run: Run, group: Group) -> list[str]:
    """
    Return the disks or interfaces in order of appearance, without the disks that never did anything.

    A disk of which no more is known than this CSV has came from one, and stays.
    """
    table = run.tables.get(group)
    if table is None:
        return []
    known: dict[str, bool] = {}
    for column, values in table.columns.items():
        used = group is not Group.DISK or bool(values.numbers[values.mask()].any())
        known[column.instance] = known.get(column.instance, False) or used
    return [device for device, used in known.items() if used or not run_has_more(table.columns, device)]


def run_has_more(found: Mapping[Column, Values], device: str) -> bool:
    own = set(columns.DISK_MEASURES.values())
    return any(Column(metric, device) in found for metric in DISK_FIELDS if metric not in own)


def header_of(sheets: Sequence[Sheet]) -> list[str]:
    """Return the columns that some machine has: those of the machine first, then disks, then interfaces."""
    used = set(chain.from_iterable(sheet.columns for sheet in sheets))
    optional = [name for name in columns.OF_THE_MACHINE if name not in columns.REQUIRED]
    # All columns of a device side by side, or its place would change when they are read again.
    of_devices = [
        columns.name_of(prefix, device, measure)
        for prefix, measures in columns.OF_DEVICES.items()
        for device in dict.fromkeys(chain.from_iterable(sheet.devices[prefix] for sheet in sheets))
        for measure in measures
    ]
    return [*columns.REQUIRED, *(name for name in (*optional, *of_devices) if name in used)]


def texts(sheet: Sheet, rows: slice, names: Sequence[str]) -> list[str]:
    """Return some rows of a machine as lines."""
    count = rows.stop - rows.start
    written: list[Sequence[str]] = [
        [cells.seconds_text(at) for at in sheet.at_ms[rows].tolist()],
        [cells.escaped(sheet.machine)] * count,
    ]
    for name in names[2:]:
        values = sheet.columns.get(name)
        if values is None:
            written.append([""] * count)
            continue
        text = cells.real_text if values.numbers.dtype.kind == "f" else str
        pairs = zip(values.numbers[rows].tolist(), values.mask()[rows].tolist(), strict=True)
        written.append([text(number) if there else "" for number, there in pairs])
    return [",".join(row) + "\n" for row in zip(*written, strict=True)]

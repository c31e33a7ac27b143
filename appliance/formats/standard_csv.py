"""The standard CSV (contracts, section 3), in and out: one row per machine and sample."""

import csv
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.analysis import derived
from appliance.analysis.run import Run
from appliance.errors import BadData, NoInput
from appliance.formats import cells, columns, csv_header, csv_pieces, csv_table
from appliance.formats.csv_pieces import Overlapping, ParsedPieces, Pieces
from appliance.formats.csv_table import Layout, Rows
from appliance.formats.recording import open_bytes, sound_gzip
from appliance.machine import check_machine_id
from appliance.metrics import DISK_FIELDS, Group
from appliance.samples import Column, Parsed, Values

MAX_LISTED = 20
ROWS_AT_ONCE = 4096
Array = npt.NDArray[Any]


def read(path: Path, machine: str = "") -> Parsed:
    """
    Read a standard CSV, plain or gzipped, with comma, semicolon, tab or bar between its cells.

    With `machine`, all rows are of that machine and the file may name only one. Raises InvalidCsv, InvalidMachineId,
    NoInput, Conflict or BadData, whose sentences name line and column and not the file.
    """
    try:
        pieces = taken(path, csv_pieces.PIECE_BYTES)
    except Overlapping:
        pieces = taken(path, sys.maxsize)
    if not pieces.machines:
        raise NoInput("The file has a header and no rows: there is nothing to read.")
    warnings = unknown_columns(pieces.layout)
    if pieces.repeated:
        warnings.append(f"Rows that repeat others, with the same values, were left out: {pieces.repeated}.")
    if machine and pieces.machines != [machine]:
        pieces.machine, warning = renamed(pieces.machines, machine)
        warnings.append(warning)
    return ParsedPieces(pieces, {}, warnings)


def taken(path: Path, piece_bytes: int) -> Pieces:
    """Read a file in pieces of about so many bytes; raise Overlapping if that is too few for it."""
    with open_bytes(path) as stream, sound_gzip():
        blocks = csv_table.blocks(stream)
        layout, found, rest = csv_header.read(next(blocks, None))
        pieces = Pieces(layout, found)
        parts: list[Rows] = []
        for block in chain([rest], blocks):
            if (rows := csv_table.parse(block, layout)) is not None:
                parts.append(rows)
            if sum(part.size for part in parts) > piece_bytes:
                pieces.add(parts)
                parts = []
        if parts:
            pieces.add(parts)
    return pieces


def unknown_columns(layout: Layout) -> list[str]:
    known = {field.at for field in layout.fields}
    unknown = [repr(name[:80]) for at, name in enumerate(layout.names) if at not in known]
    if not unknown:
        return []
    more = f" and {len(unknown) - MAX_LISTED} more" if len(unknown) > MAX_LISTED else ""
    listed = ", ".join(unknown[:MAX_LISTED]) + more
    return [f"Columns that are not known were left out: {listed}."]


def renamed(machines: Sequence[str], machine: str) -> tuple[str, str]:
    """Return the machine that a file is said to be of, and the warning that it names another; or raise BadData."""
    check_machine_id(machine)
    if len(machines) > 1:
        raise BadData(
            f"The file holds {len(machines)} machines ({', '.join(machines[:3])} ...) and all of it was to be of "
            f"{machine}: leave the machine out, or make a file for each.",
            error_code="MACHINE_MISMATCH",
            details={"machine_id": machine, "found_machine_ids": list(machines[:MAX_LISTED])},
        )
    return machine, f"The file names its machine {machines[0]}: it was taken for {machine}."


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

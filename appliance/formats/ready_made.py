"""
Rows of values that came ready made, percentages and rates among them: what the portal CSV and sar-style files share.

A rate that is negative is what a reset counter gave to the program that wrote it: it is left out and counted.
"""

import csv
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np

from appliance.errors import BadData, Conflict, InvalidCsv, NoInput
from appliance.formats import cells
from appliance.formats.csv_header import BYTE_ORDER_MARK
from appliance.metrics import Group, Metric
from appliance.samples import INT64_MAX, Column, Samples, Values, distinct

MAX_SHOWN = 80
MAX_LINE_BYTES = 256 << 10
KIBIBYTE = 1024
# Numbers of runs that no recorder has. Who made these files computed shares in other steps than we do: for the same
# machine and time they differ in the last digit from those of a recording, or its export, which have the word.
PORTAL_RUN, TREE_RUN = -1, -2

Read = Callable[[str], int | float | None]
"""Reads a cell; None for what is there and cannot be true. Raises ValueError, whose text follows the cell's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a column holds."""

    metric: Metric
    read: Read


def kibibytes(text: str) -> int:
    number = cells.whole(text) * KIBIBYTE
    if number > INT64_MAX:
        raise ValueError("is too large for a whole number of 64 bits")
    return number


def rate(times: int = 1) -> Read:
    """Return what reads a rate that is written in units of `times`, a power of two: the product is exact."""

    def read(text: str) -> float | None:
        cells.check_number(text)
        number = float(text) * times
        if number in (float("inf"), float("-inf")):
            raise ValueError("is too large a number")
        return number if number >= 0 else None

    return read


class Found:
    """The values of one or more files of one machine, column by column."""

    def __init__(self) -> None:
        self.columns: dict[Column, tuple[array[int], array[int] | array[float], array[int]]] = {}
        """Times, numbers and the lines that they stood in, (n,) each."""
        self.negative = 0

    def add(self, column: Column, at_ms: int, number: float, line: int) -> None:
        kept = self.columns.get(column)
        if kept is None:
            kept = array("q"), array("d" if column.metric.real else "q"), array("q")
            self.columns[column] = kept
        times, numbers, lines = kept
        times.append(at_ms)
        numbers.append(number)  # type: ignore[arg-type]
        lines.append(line)

    def samples(self, machine: str, run: int) -> list[Samples]:
        """Return all as samples, a group of metrics at a time."""
        groups: dict[Group, dict[Column, tuple[array[int], array[int] | array[float], array[int]]]] = {}
        for column, kept in self.columns.items():
            groups.setdefault(column.metric.group, {})[column] = kept
        result = []
        for group, columns in groups.items():
            at_ms = distinct([np.array(times, np.int64) for times, _, _ in columns.values()])
            placed = {}
            for column, (times, numbers, lines) in columns.items():
                check_same(column, times, numbers, lines)
                rows = np.searchsorted(at_ms, np.array(times, np.int64))
                values: Any = np.zeros(len(at_ms), np.float64 if column.metric.real else np.int64)
                present = np.zeros(len(at_ms), bool)
                values[rows], present[rows] = np.array(numbers), True
                placed[column] = Values(values, None if present.all() else present)
            result.append(Samples(machine, run, group, at_ms, placed))
        return result

    @property
    def warnings(self) -> list[str]:
        said = "Rates below 0, which a reset counter gives, were left out"
        return [f"{said}: {self.negative}."] if self.negative else []


def check_same(column: Column, times: "array[int]", numbers: "array[int] | array[float]", lines: "array[int]") -> None:
    """Raise Conflict if a column has two values for one time."""
    order = np.argsort(np.array(times, np.int64), kind="stable")
    at_ms, values = np.array(times, np.int64)[order], np.array(numbers)[order]
    differ = np.flatnonzero((np.diff(at_ms) == 0) & (values[1:] != values[:-1]))
    if len(differ):
        first, second = (lines[int(row)] for row in order[differ[0] : differ[0] + 2])
        raise Conflict(
            f"Lines {first} and {second} have other values for the same time "
            f"({column.metric.name} {column.instance}".rstrip()
            + "): keep one of them.",
            details={"line": second, "column": column.metric.name},
        )


def rows(stream: IO[bytes], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows that are not blank, each with the number of its line, the header first."""
    reader = csv.reader(decoded(stream), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise bad_line(line, f"is not CSV: {error}") from error


def decoded(stream: IO[bytes]) -> Iterator[str]:
    """Give the lines of a file as text; raise BadData if one is none."""
    for line, raw in enumerate(iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""), 1):
        if len(raw) > MAX_LINE_BYTES:
            raise bad_line(line, "is longer than 256 KiB")
        try:
            yield raw.removeprefix(BYTE_ORDER_MARK if line == 1 else b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadData(
                f"Line {line}, byte {error.start + 1} is not UTF-8: save the file as UTF-8.",
                error_code="INVALID_ENCODING",
                details={"line": line, "byte": error.start + 1},
            ) from error


def read(
    table: Iterator[tuple[int, list[str]]], names: Sequence[str], time: str, key: str,
    known: Mapping[str, Callable[[str], Cell | None]], found: Found,
) -> None:  # fmt: skip
    """
    Add the rows below a header of `names` to what was found.

    `time` is the column of times, `key` that of devices (empty if there is none); `known` says what a column holds for
    a device. Raises InvalidCsv with line and column, NoInput if there are no rows.
    """
    at_time = names.index(time)
    at_key = names.index(key) if key else None
    places = [(at, name, known[name]) for at, name in enumerate(names) if name in known]
    line = 0
    for line, row in table:
        if len(row) != len(names):
            raise bad_line(line, f"has {len(row)} cells where the header has {len(names)}: it is cut or damaged")
        at_ms = cell(row[at_time], cells.time_ms, time, line)
        device = "" if at_key is None else cells.unescaped(row[at_key])
        if at_ms is None or (at_key is not None and not device):
            raise bad_cell("", time if at_ms is None else key, line, "the cell is empty, and a value is required")
        for at, name, holds in places:
            if (what := holds(device)) is None or not row[at].strip():
                continue
            number = cell(row[at], what.read, name, line)
            if number is None:
                found.negative += 1
            else:
                found.add(Column(what.metric, instance_of(what.metric, device)), int(at_ms), number, line)
    if not line:
        raise NoInput("The file has a header and no rows: there is nothing to read.")


def instance_of(metric: Metric, device: str) -> str:
    return "" if metric.per == "machine" else device


def cell(text: str, how: Read, name: str, line: int) -> int | float | None:
    if not (text := text.strip()):
        return None
    try:
        return how(text)
    except ValueError as error:
        raise bad_cell(text, name, line, f"{text[:MAX_SHOWN]!r} {error}") from error


def bad_cell(text: str, name: str, line: int, what: str) -> InvalidCsv:
    return InvalidCsv(
        f"Line {line}, column {name}: {what}.", details={"line": line, "column": name, "value": text[:MAX_SHOWN]}
    )


def bad_line(line: int, what: str) -> InvalidCsv:
    return InvalidCsv(f"Line {line} {what}.", details={"line": line})

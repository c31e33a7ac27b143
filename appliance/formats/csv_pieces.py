"""
The rows of a CSV as samples, a piece of the file at a time, so that memory does not grow with the file.

A piece is in order of machine and time. Where the pieces of a file overlap, they are kept on the disk and put in order
a machine's day at a time.
"""

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from appliance.errors import Conflict, InputOutput
from appliance.formats.csv_table import MACHINE, MISSING, SHARE, TIME, Field, Layout, Rows
from appliance.metrics import Group
from appliance.samples import Column, Samples, Values

PIECE_BYTES = 24 << 20
DAY_MS = 86_400_000
Array = npt.NDArray[Any]


class Overlapping(Exception):
    """Two pieces hold rows of one machine and the same stretch of time: only side by side can they be compared."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in order of machine and time, each time of a machine once."""

    machines: Sequence[str]
    starts: Array
    """Where the rows of each machine begin; at the end, how many rows there are."""
    at_ms: Array
    lines: Array
    numbers: Mapping[int, Array]
    """By position in a row of the file; MISSING for an empty cell."""

    def rows(self, code: int) -> slice:
        return slice(int(self.starts[code]), int(self.starts[code + 1]))

    def samples(self, code: int, machine: str, found: Mapping[int, Column]) -> Iterator[Samples]:
        """Give a machine's samples, a group of metrics at a time, without the rows and columns that hold no value."""
        rows = self.rows(code)
        groups: dict[Group, dict[Column, Values]] = {}
        for at, column in found.items():
            numbers = self.numbers[at][rows] if at in self.numbers else np.empty(0)
            present = numbers != MISSING
            if present.any():
                values = Values(numbers) if present.all() else Values(np.where(present, numbers, 0), present)
                groups.setdefault(column.metric.group, {})[column] = values
        for group, columns_of_group in groups.items():
            samples = Samples(machine, 0, group, self.at_ms[rows], columns_of_group)
            full = any(values.present is None for values in columns_of_group.values())
            there = None if full else np.any([values.mask() for values in columns_of_group.values()], axis=0)
            yield samples if there is None or there.all() else samples.take(there)


class InOrder:
    """The pieces of a file none of which overlap."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rows = self.repeated = 0
        self.spans: dict[str, list[tuple[int, int]]] = {}

    @property
    def machines(self) -> list[str]:
        """What the file calls its machines, in order of appearance."""
        return list(self.spans)

    def tables(self, pieces: Iterator[list[Rows]]) -> Iterator[Table]:
        """Give the pieces in order, each as it comes; raise Conflict or Overlapping."""
        for parts in pieces:
            table, repeated = in_order(parts, self.layout)
            self.rows += len(table.at_ms)
            self.repeated += repeated
            for code, machine in enumerate(table.machines):
                at_ms = table.at_ms[table.rows(code)]
                first, last = int(at_ms[0]), int(at_ms[-1])
                spans = self.spans.setdefault(machine, [])
                if any(first <= end and start <= last for start, end in spans):
                    raise Overlapping
                spans.append((first, last))
            yield table


class Shuffled:
    """The pieces of a file some of which overlap: kept in a file without a name, and joined by machine and day."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rows = self.repeated = 0
        self.fields = [field for field in layout.fields if field.kind != MACHINE]
        self.time = next(field for field in self.fields if field.kind == TIME)
        self.places: dict[str, dict[int, list[tuple[int, int]]]] = {}
        """By machine and day: where its rows are, and how many."""

    @property
    def machines(self) -> list[str]:
        """What the file calls its machines, in order of appearance."""
        return list(self.places)

    def tables(self, pieces: Iterator[list[Rows]]) -> Iterator[Table]:
        """Give a table for each machine and day; raise Conflict, or InputOutput where there is no room for the file."""
        try:
            file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - closed when the last table was given
            weakref.finalize(self, file.close)
            for parts in pieces:
                table, repeated = in_order(parts, self.layout)
                self.repeated += repeated
                self.put(table, file)
            file.flush()
        except OSError as error:
            raise InputOutput(
                f"The folder for temporary files, {tempfile.gettempdir()}, cannot be written ({error.strerror}): a "
                "file whose rows are in no order needs as much space there as it has itself. TMPDIR names another."
            ) from error
        for machine, days in self.places.items():
            for day in sorted(days):
                table, repeated = in_order([self.get(machine, place, file) for place in days[day]], self.layout)
                self.rows += len(table.at_ms)
                self.repeated += repeated
                yield table

    def put(self, table: Table, file: IO[bytes]) -> None:
        """Write rows one after the other, 8 bytes a cell: line, time, numbers."""
        matrix = np.full((len(table.at_ms), len(self.fields) + 1), MISSING)
        matrix[:, 0] = table.lines
        for at, field in enumerate(self.fields, 1):
            if field is self.time:
                matrix[:, at] = table.at_ms
            elif field.at in table.numbers:
                matrix[:, at] = table.numbers[field.at].view(np.int64)
            elif field.kind == SHARE:
                matrix[:, at] = np.float64(MISSING).view(np.int64)
        begin = file.tell()
        file.write(matrix.data)
        for code, machine in enumerate(table.machines):
            rows = table.rows(code)
            days = table.at_ms[rows] // DAY_MS
            bounds = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
            for start, end in pairwise(bounds):
                place = begin + (rows.start + start) * matrix.strides[0], end - start
                self.places.setdefault(machine, {}).setdefault(int(days[start]), []).append(place)

    def get(self, machine: str, place: tuple[int, int], file: IO[bytes]) -> Rows:
        width = len(self.fields) + 1
        matrix = np.fromfile(file, np.int64, place[1] * width, offset=place[0] - file.tell()).reshape(-1, width)
        numbers = {
            field.at: matrix[:, at].copy().view(np.float64) if field.kind == SHARE else matrix[:, at].copy()
            for at, field in enumerate(self.fields, 1)
        }
        return Rows(matrix[:, 0].copy(), [machine], np.zeros(len(matrix), np.int64), numbers)


def in_order(parts: Sequence[Rows], layout: Layout) -> tuple[Table, int]:
    """Put rows in order, and count those that repeated others; takes the numbers out of the parts."""
    ids: dict[str, int] = {}
    codes = np.concatenate(
        [np.array([ids.setdefault(name, len(ids)) for name in part.machines])[part.codes] for part in parts]
    )
    fields = [field for field in layout.fields if field.kind != MACHINE]
    time = next(field for field in fields if field.kind == TIME)
    at_ms = np.concatenate([part.numbers[time.at] for part in parts])
    order = order_of(at_ms, codes, len(ids))
    codes = codes[order]
    twice = np.zeros(len(order), bool)
    twice[1:] = (np.diff(codes) == 0) & (np.diff(at_ms[order]) == 0)
    repeated = int(twice.sum())
    lines = np.concatenate([part.lines for part in parts])[order]
    numbers: dict[int, Array] = {}
    for field in fields:
        if any(field.at in part.numbers for part in parts):
            column = joined(parts, field.at)[order]
            if repeated:
                check_same(column, twice, lines, field)
                column = column[~twice]
            numbers[field.at] = column
    starts = np.searchsorted(codes[~twice], np.arange(len(ids) + 1))
    return Table(list(ids), starts, numbers.pop(time.at), lines[~twice], numbers), repeated


def order_of(at_ms: Array, codes: Array, count: int) -> Array:
    """Return the order of rows by machine and time. Numbers of two bytes are sorted without comparing them."""
    if count <= np.iinfo(np.uint16).max and (np.diff(at_ms) >= 0).all():
        return np.argsort(codes.astype(np.uint16), kind="stable")
    return np.lexsort((at_ms, codes))


def joined(parts: Sequence[Rows], at: int) -> Array:
    """Take a column out of the parts of a file and put it together."""
    return np.concatenate(
        [part.numbers.pop(at) if at in part.numbers else np.full(len(part.lines), MISSING) for part in parts]
    )


def check_same(column: Array, twice: Array, lines: Array, field: Field) -> None:
    """Raise Conflict if rows of the same machine and time differ in a column."""
    differ = np.flatnonzero(twice[1:] & (column[1:] != column[:-1]))
    if len(differ):
        first, second = sorted(int(line) for line in lines[differ[0] : differ[0] + 2])
        raise Conflict(
            f"Lines {first} and {second} have other values for the same machine and time (column {field.name}): "
            "keep one of them.",
            details={"line": second, "column": field.name},
        )

"""
The rows of a CSV as samples, a piece of the file at a time, so that memory does not grow with the file.

A piece is in order of machine and time. Where the pieces of a file overlap, the whole file has to be one piece.
"""

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from appliance.errors import Conflict, InputOutput
from appliance.formats.csv_table import MACHINE, MISSING, TIME, Field, Layout, Rows
from appliance.metrics import Group
from appliance.samples import Column, Parsed, Samples, Values

PIECE_BYTES = 24 << 20
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
    numbers: Mapping[int, Array]
    """By position in a row of the file; MISSING for an empty cell."""

    def samples(self, code: int, machine: str, found: Mapping[int, Column]) -> Iterator[Samples]:
        """Give a machine's samples, a group of metrics at a time, without the rows and columns that hold no value."""
        rows = slice(int(self.starts[code]), int(self.starts[code + 1]))
        groups: dict[Group, dict[Column, Values]] = {}
        for at, column in found.items():
            numbers = self.numbers[at][rows] if at in self.numbers else np.empty(0)
            present = numbers != MISSING
            if present.any():
                values = Values(numbers) if present.all() else Values(np.where(present, numbers, 0), present)
                groups.setdefault(column.metric.group, {})[column] = values
        for group, columns_of_group in groups.items():
            samples = Samples(machine, 0, group, self.at_ms[rows], columns_of_group)
            there = np.any([values.mask() for values in columns_of_group.values()], axis=0)
            yield samples if there.all() else samples.take(there)

    def save(self, stream: IO[bytes]) -> None:
        for array in (self.starts, self.at_ms, np.array(list(self.numbers)), *self.numbers.values()):
            np.save(stream, array, allow_pickle=False)


def load(machines: Sequence[str], stream: IO[bytes]) -> Table:
    starts, at_ms, positions = (np.load(stream) for _ in range(3))
    return Table(machines, starts, at_ms, {at: np.load(stream) for at in positions.tolist()})


class Pieces(Sequence[Samples]):
    """The samples of a file; pieces wait on the disk, in a file without a name, unless there is one only."""

    def __init__(self, layout: Layout, found: Mapping[int, Column]):
        self.layout = layout
        self.found = found
        self.machine = ""
        """What all of it is of, whatever the file says."""
        self.rows = self.repeated = 0
        self.first: Table | None = None
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.places: list[tuple[Sequence[str], int]] = []
        self.file: IO[bytes] | None = None

    @property
    def machines(self) -> list[str]:
        """What the file calls its machines, in order of appearance."""
        return list(self.spans)

    def add(self, parts: Sequence[Rows]) -> None:
        """Take the next rows of the file, out of `parts`; raise Conflict or Overlapping."""
        table, repeated = in_order(parts, self.layout)
        self.rows += len(table.at_ms)
        self.repeated += repeated
        for code, machine in enumerate(table.machines):
            rows = table.at_ms[int(table.starts[code]) : int(table.starts[code + 1])]
            first, last = int(rows[0]), int(rows[-1])
            spans = self.spans.setdefault(machine, [])
            if any(first <= end and start <= last for start, end in spans):
                raise Overlapping
            spans.append((first, last))
        if self.first is None and not self.places:
            self.first = table
            return
        if self.first is not None:
            self.put(self.first)
            self.first = None
        self.put(table)

    def put(self, table: Table) -> None:
        try:
            if self.file is None:
                self.file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - it lives as long as the pieces
                weakref.finalize(self, self.file.close)
            self.places.append((table.machines, self.file.tell()))
            table.save(self.file)
        except OSError as error:
            raise InputOutput(
                f"The folder for temporary files, {tempfile.gettempdir()}, cannot be written ({error.strerror}): a "
                "file this long needs as much space there as it has itself. TMPDIR names another."
            ) from error

    def tables(self) -> Iterator[Table]:
        if self.first is not None:
            yield self.first
        for machines, place in self.places:
            if self.file is not None:
                self.file.seek(place)
                yield load(machines, self.file)

    def __iter__(self) -> Iterator[Samples]:
        for table in self.tables():
            for code, name in enumerate(table.machines):
                yield from table.samples(code, self.machine or name, self.found)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, at: Any) -> Any:
        return list(self)[at]


@dataclass(slots=True)
class ParsedPieces(Parsed):
    """What a CSV said, counted while it was read: going through all pieces once more would mean to load them."""

    samples: Pieces

    @property
    def machines(self) -> list[str]:
        return [self.samples.machine] if self.samples.machine else self.samples.machines

    @property
    def count(self) -> int:
        return self.samples.rows


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
    lines = np.concatenate([part.lines for part in parts])[order] if repeated else None
    numbers: dict[int, Array] = {}
    for field in fields:
        if any(field.at in part.numbers for part in parts):
            column = joined(parts, field.at)[order]
            if lines is not None:
                check_same(column, twice, lines, field)
                column = column[~twice]
            numbers[field.at] = column
    starts = np.searchsorted(codes[~twice], np.arange(len(ids) + 1))
    return Table(list(ids), starts, numbers.pop(time.at), numbers), repeated


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

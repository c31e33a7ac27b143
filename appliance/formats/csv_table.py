"""
CSV text -> columns of checked numbers, in blocks of whole lines, so that memory does not grow with the text.

A block in which nothing is in doubt is read a column at a time. Where anything is (a quote, a letter, a number that
does not fit), the block is read cell by cell, which is slower and names the line, column and value of what it refuses.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from appliance.errors import BadData, InvalidCsv, InvalidMachineId
from appliance.formats import cells
from appliance.formats.plain_cells import EXACT_DIGITS, Cells
from appliance.machine import check_machine_id
from appliance.measurement import EARLIEST_SECONDS, LATEST_SECONDS
from appliance.samples import INT64_MAX

BLOCK_BYTES = 512 << 10
"""What is made of so much text stays in the processor's cache."""
MAX_LINE_BYTES = 256 << 10
MAX_COLUMNS = 4096
"""Four each of 1,000 disks and interfaces."""
MAX_CELL = 4096
MAX_SHOWN = 80
NEWLINE = ord("\n")
MISSING = -7_777_777
"""Stands for an empty cell: a value of a known column is never negative."""
TIME, MACHINE, SHARE, WHOLE = "time", "machine", "share", "whole"
READ: Mapping[str, Callable[[str], Any]] = {TIME: cells.time_ms, SHARE: cells.share, WHOLE: cells.whole}
BOUNDS = {TIME: (EARLIEST_SECONDS, LATEST_SECONDS - 1), SHARE: (0, cells.MAX_SHARE), WHOLE: (0, INT64_MAX)}

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A known column."""

    at: int
    """Its position in a row, from 0."""
    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header said."""

    names: Sequence[str]
    delimiter: str
    fields: Sequence[Field]
    """The known columns."""


@dataclass(frozen=True, slots=True)
class Block:
    text: bytes
    """Whole lines, each ended by a newline."""
    line: int
    """The number of the first."""
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a block, (n,) each."""

    lines: Array
    machines: Sequence[str]
    codes: Array
    """Which of `machines` a row is of."""
    numbers: dict[int, Array]
    """By position: times in milliseconds, shares, whole numbers; MISSING for empty; no column without any value."""

    @property
    def size(self) -> int:
        """How many bytes of memory the numbers need."""
        return sum(column.nbytes for column in self.numbers.values())


def blocks(stream: IO[bytes], size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut a stream into blocks of whole lines, whatever ends them: CR LF, LF or CR."""
    line, tail = 1, b""
    while more := stream.read(size):
        text = tail + more
        # The LF that belongs to a CR at the end may come with the next bytes.
        held = b"\r" if text.endswith(b"\r") else b""
        if b"\r" in text:
            text = text.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        # An open quote may hold newlines: its line waits for the end of it.
        end = text.rfind(b"\n", 0, text.rindex(b'"') if b'"' in text and text.count(b'"') % 2 else len(text)) + 1
        count = int(np.count_nonzero(np.frombuffer(text, np.uint8, end) == NEWLINE)) if end else 0
        if count:
            yield Block(text[:end], line, count)
        line += count
        tail = text[end:] + held
        if len(tail) > MAX_LINE_BYTES:
            raise bad_line(line, "opens a quote that is never closed" if b'"' in tail else "is longer than 256 KiB")
    if tail:
        tail = tail.removesuffix(b"\r") + b"\n"
        yield Block(tail, line, tail.count(b"\n"))


def parse(block: Block, layout: Layout) -> Rows | None:
    """Read a block; None if it has no rows. Raises InvalidCsv or InvalidMachineId, which name the line."""
    try:
        return by_column(block, layout)
    except (ValueError, InvalidMachineId):
        return by_cell(block, layout)


def by_column(block: Block, layout: Layout) -> Rows:
    """Read a block as a table; raise ValueError or InvalidMachineId if anything about it is in doubt."""
    found = Cells(block.text, layout.delimiter, block.count, len(layout.names))
    columns = found.numbers([field.at for field in layout.fields if field.kind != MACHINE])
    machines: Sequence[str] = ()
    codes: Array = np.empty(0, np.int64)
    numbers = {}
    for field in layout.fields:
        lengths = found.lengths[field.at]
        if field.kind == MACHINE:
            codes, names = found.names(field.at)
            machines = [check_machine_id(name) for name in names]
        elif field.required or lengths.any():
            column = columns[field.at]
            empty = lengths == 0
            check_bounds(column if field.required else column[~empty], field)
            if field.kind == TIME:
                column = np.rint(column * 1000).astype(np.int64)
            elif field.kind == SHARE:
                column = column.astype(np.float64, copy=False)
            elif column.dtype.kind == "f":
                column = whole(column, int((lengths - found.others[field.at]).max()))
            if empty.any():
                check_optional(field)
                column[empty] = MISSING
            numbers[field.at] = column
    return Rows(np.arange(block.line, block.line + block.count), machines, codes, numbers)


def check_bounds(numbers: Array, field: Field) -> None:
    least, most = BOUNDS[field.kind]
    if not (numbers.min() >= least and numbers.max() <= most):
        raise ValueError("out of bounds")


def check_optional(field: Field) -> None:
    if field.required:
        raise ValueError("an empty cell")


def whole(numbers: Array, digits: int) -> Array:
    """Return whole numbers that were written with a decimal point; raise ValueError if one may not be whole."""
    if digits > EXACT_DIGITS or (numbers != np.rint(numbers)).any():
        raise ValueError("not whole")
    return numbers.astype(np.int64)


def by_cell(block: Block, layout: Layout) -> Rows | None:
    """Read a block cell by cell."""
    reader = csv.reader(io.StringIO(decoded(block), newline=""), delimiter=layout.delimiter, strict=True)
    lines: list[int] = []
    ids: dict[str, int] = {}
    codes: list[int] = []
    columns: dict[int, list[Any]] = {field.at: [] for field in layout.fields if field.kind != MACHINE}
    line = block.line
    try:
        for row in reader:
            if "".join(row).strip() or len(row) > 1:
                check_row(row, line, layout)
                lines.append(line)
                for field in layout.fields:
                    value = read_cell(row[field.at].strip(" "), field, line)
                    if field.kind == MACHINE:
                        codes.append(ids.setdefault(value, len(ids)))
                    else:
                        columns[field.at].append(value)
            line = block.line + reader.line_num
    except csv.Error as error:
        raise bad_line(
            line, "opens a quote that is never closed" if "end of data" in str(error) else f"is not CSV: {error}"
        ) from error
    if not lines:
        return None
    numbers = {
        field.at: np.array(columns[field.at], np.float64 if field.kind == SHARE else np.int64)
        for field in layout.fields
        if field.kind != MACHINE and any(value != MISSING for value in columns[field.at])
    }
    return Rows(np.array(lines), list(ids), np.array(codes), numbers)


def check_row(row: Sequence[str], line: int, layout: Layout) -> None:
    """Raise InvalidCsv if a row is not one of the header's length."""
    if [cell.strip() for cell in row] == list(layout.names):
        raise bad_line(line, "repeats the header: join files without the headers of the later ones")
    if len(row) < len(layout.names):
        raise bad_line(
            line, f"has {len(row)} cells where the header has {len(layout.names)}: it is cut, or a cell is missing"
        )
    if len(row) > len(layout.names):
        raise bad_line(
            line,
            f"has {len(row)} cells where the header has {len(layout.names)}: a cell with a delimiter needs quotes, "
            "and a decimal comma must be a point",
        )
    if any(len(cell) > MAX_CELL for cell in row):
        raise bad_line(line, f"has a cell of more than {MAX_CELL} characters")


def read_cell(text: str, field: Field, line: int) -> Any:
    try:
        if field.kind == MACHINE:
            return check_machine_id(cells.unescaped(text))
        if text:
            return READ[field.kind](text)
        if not field.required:
            return MISSING
        reason = "the cell is empty, and a value is required"
    except InvalidMachineId as error:
        raise InvalidMachineId(
            f"Line {line}, column {field.name}: {error.message}", details={"line": line, "column": field.name}
        ) from error
    except ValueError as error:
        reason = f"{text[:MAX_SHOWN]!r} {error}"
    raise InvalidCsv(
        f"Line {line}, column {field.name}: {reason}.",
        details={"line": line, "column": field.name, "value": text[:MAX_SHOWN]},
    )


def decoded(block: Block) -> str:
    """Decode a block; raise BadData or InvalidCsv if it is not UTF-8 text."""
    try:
        text = block.text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = block.line + block.text.count(b"\n", 0, error.start)
        byte = error.start - block.text.rfind(b"\n", 0, error.start)
        raise BadData(
            f"Line {line}, byte {byte} is not UTF-8: save the file as UTF-8.",
            error_code="INVALID_ENCODING",
            details={"line": line, "byte": byte},
        ) from error
    if "\0" in text:
        raise bad_line(block.line + text.count("\n", 0, text.index("\0")), "holds a NUL byte: it is not text")
    return text


def bad_line(line: int, what: str) -> InvalidCsv:
    return InvalidCsv(f"Line {line} {what}.", details={"line": line})

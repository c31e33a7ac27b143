"""
CSV text -> columns of checked numbers, in blocks of whole lines, so that memory does not grow with the text.

Pandas' C reader parses a block in which nothing is in doubt. Where anything is (a quote, a letter, a number that does
not fit), the block is read cell by cell, which is slower and names the line, column and value of what it refuses.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from appliance.errors import BadData, InvalidCsv, InvalidMachineId
from appliance.formats import cells
from appliance.machine import check_machine_id
from appliance.measurement import EARLIEST_SECONDS, LATEST_SECONDS

BLOCK_BYTES = 2 << 20
MAX_LINE_BYTES = 256 << 10
MAX_COLUMNS = 4096
"""Four each of 1,000 disks and interfaces."""
MAX_CELL = 4096
MAX_SHOWN = 80
NEWLINE = ord("\n")
MISSING = -7_777_777
"""Stands for an empty cell: a value of a known column is never negative."""
EXACT = 2**52
"""Below it a whole number with a decimal point, which pandas reads by way of a floating point number, is exact."""

TIME, MACHINE, SHARE, WHOLE = "time", "machine", "share", "whole"
READ: Mapping[str, Callable[[str], Any]] = {TIME: cells.time_ms, SHARE: cells.share, WHOLE: cells.whole}
# Not "category", which makes numbers of names such as 007.
DTYPES = {TIME: "float64", MACHINE: "object", SHARE: "float64", WHOLE: "int64"}
BOUNDS = {TIME: (EARLIEST_SECONDS, LATEST_SECONDS - 1), SHARE: (0, cells.MAX_SHARE), WHOLE: (0, EXACT)}

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
        with np.errstate(invalid="ignore"):
            return by_pandas(block, layout)
    except (ValueError, OverflowError, InvalidMachineId):
        return by_cell(block, layout)


def by_pandas(block: Block, layout: Layout) -> Rows:
    """Read a block as a table; raise ValueError if anything about it is in doubt."""
    kinds = {field.at: DTYPES[field.kind] for field in layout.fields}
    dtypes = {at: kinds.get(at, "str") for at in range(len(layout.names))}
    frame = pd.read_csv(
        io.BytesIO(filled(block, layout)), sep=layout.delimiter, header=None, names=list(dtypes), dtype=dtypes,
        engine="c", index_col=False, na_filter=False, skip_blank_lines=False, quoting=csv.QUOTE_NONE,
    )  # fmt: skip
    if len(frame) != block.count:
        raise ValueError("lines are joined")
    machines: Sequence[str] = ()
    codes = np.empty(0)
    numbers = {}
    for field in layout.fields:
        column = frame[field.at]
        if field.kind == MACHINE:
            codes, names = pd.factorize(column)
            machines = [check_machine_id(name) for name in names]
        elif (values := bounded(column.to_numpy(), field)) is not None:
            numbers[field.at] = np.rint(values * 1000).astype(np.int64) if field.kind == TIME else values
    return Rows(np.arange(block.line, block.line + block.count), machines, np.asarray(codes), numbers)


def filled(block: Block, layout: Layout) -> bytes:
    """Write MISSING into empty cells; raise ValueError if the text is not plain rows of as many cells as the header."""
    text, mark = block.text, layout.delimiter.encode()
    if not text.isascii() or b'"' in text or b"\0" in text or (b"-" in text and b"%d" % MISSING in text):
        raise ValueError("quotes, or letters that are not ASCII")
    # By numpy: looking for single bytes, of which there are many, takes bytes.count and `in` four times longer.
    letters = np.frombuffer(text, np.uint8)
    marks = letters == mark[0]
    if np.count_nonzero(marks) != block.count * (len(layout.names) - 1):
        raise ValueError("rows of several lengths")
    if not (marks[:-1] & (marks | (letters == NEWLINE))[1:]).any():
        return text
    empty = b"%b%d" % (mark, MISSING)
    if mark * 2 in text:
        # Twice, because neighbours share the mark between them.
        text = text.replace(mark * 2, empty + mark).replace(mark * 2, empty + mark)
    return text.replace(mark + b"\n", empty + b"\n")


def bounded(numbers: Array, field: Field) -> Array | None:
    """Return numbers that are all in bounds, None if all are missing; raise ValueError if one is out of bounds."""
    least, most = BOUNDS[field.kind]
    there = numbers if numbers.min() >= 0 or field.required else numbers[numbers != MISSING]
    # Not the other way round, so that NaN is out of bounds.
    if len(there) and not (there.min() >= least and there.max() <= most):
        raise ValueError("out of bounds")
    return numbers if len(there) else None


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

"""The header of a standard CSV: which columns a file has, what is between them, and what other file it may be."""

import csv

from appliance.errors import BadData, InvalidCsv, NoInput
from appliance.formats import columns, csv_table
from appliance.formats.csv_table import MACHINE, SHARE, TIME, WHOLE, Block, Field, Layout
from appliance.samples import Column

DELIMITERS = ",;\t|"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# (columns that only such a file has, what it is)
OTHERS = [
    ({"container_id", "cpu_percent"}, "a containers.csv (its recording can be imported)"),
    ({"#timestamp"}, "a file of the sar-style tree (import the folder that has proc/stat in it)"),
]


class OtherFile(InvalidCsv):
    """A file that is what it should be, and not for import."""


def read(first: Block | None) -> tuple[Layout, dict[int, Column], Block]:
    """
    Return the layout of a file, the column of each position that holds values, and the rest of its first block.

    Raises InvalidCsv for a header that is not one of a standard CSV, NoInput if there is none.
    """
    if first is None:
        raise NoInput("The file is empty: a CSV has a header and rows.")
    if first.text.startswith(UTF_16):
        raise BadData("The file is UTF-16: save it as UTF-8.", error_code="INVALID_ENCODING", details={"byte": 0})
    head, _, text = first.text.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    line = first.line
    while (not head.strip() or (head.startswith(b"#") and not head.startswith(b"#timestamp"))) and text:
        head, _, text = text.partition(b"\n")
        line += 1
    if not head.strip():
        raise NoInput("The file has blank lines only: a CSV has a header and rows.")
    delimiter, names = split(csv_table.decoded(Block(head, line, 1)), line)
    layout, found = understand(names, delimiter, line)
    return layout, found, Block(text, line + 1, first.count - (line - first.line) - 1)


def split(head: str, line: int) -> tuple[str, list[str]]:
    """Return the delimiter, which is the one that makes a column of the timestamp, and the names of the columns."""
    splits = {}
    for delimiter in DELIMITERS:
        try:
            row = next(csv.reader([head], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            raise csv_table.bad_line(line, f"is not the header of a CSV file: {error}") from error
        splits[delimiter] = [known_name(name) for name in row]
        if columns.TIMESTAMP in splits[delimiter]:
            return delimiter, splits[delimiter]
    return max(splits.items(), key=lambda pair: len(pair[1]))


def known_name(cell: str) -> str:
    """Return the name of a column, without what people add to it; the names of devices stay as they are."""
    name = cell.strip()
    folded = name.lower()
    return folded if folded in columns.REQUIRED or folded in columns.OF_THE_MACHINE else name


def understand(names: list[str], delimiter: str, line: int) -> tuple[Layout, dict[int, Column]]:
    for only, what in OTHERS:
        if only <= set(names):
            raise OtherFile(f"This is {what}, not a standard CSV: it is not imported.")
    if not set(names) & set(columns.REQUIRED):
        raise InvalidCsv(
            f"Line {line} is neither a record of a recording nor the header of a standard CSV, which has "
            f"{', '.join(columns.REQUIRED)} ...",
            details={"line": line, "expected_columns": list(columns.REQUIRED), "found_columns": names[:100]},
        )
    missing = [name for name in columns.REQUIRED if name not in names]
    if missing:
        raise InvalidCsv(
            f"Missing required column{'s' if len(missing) > 1 else ''}: {', '.join(missing)}",
            details={"line": line, "expected_columns": list(columns.REQUIRED), "found_columns": names[:100]},
        )
    if len(names) > csv_table.MAX_COLUMNS:
        raise csv_table.bad_line(line, f"names {len(names)} columns: at most {csv_table.MAX_COLUMNS} are read")
    if twice := next((name for at, name in enumerate(names) if name and name in names[:at]), None):
        raise csv_table.bad_line(line, f"names the column {twice[:80]!r} twice")
    found = {at: column for at, name in enumerate(names) if (column := columns.column_of(name)) is not None}
    fields = [
        Field(at, name, kind_of(name, found.get(at)), name in columns.REQUIRED)
        for at, name in enumerate(names)
        if at in found or name in (columns.TIMESTAMP, columns.MACHINE_ID)
    ]
    return Layout(names, delimiter, fields), found


def kind_of(name: str, column: Column | None) -> str:
    if column is None:
        return TIME if name == columns.TIMESTAMP else MACHINE
    return SHARE if column.metric.real else WHOLE

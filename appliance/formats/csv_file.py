"""The standard CSV (contracts, section 3), in: one row per machine and sample, in whatever order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from appliance.errors import BadData, NoInput
from appliance.formats import csv_header, csv_pieces, csv_table
from appliance.formats.csv_pieces import InOrder, Overlapping, Shuffled
from appliance.formats.csv_table import Block, Layout, Rows
from appliance.formats.recording import open_bytes, sound_gzip
from appliance.machine import check_machine_id
from appliance.samples import Parsed, Sink

MAX_LISTED = 20


@dataclass(slots=True)
class ParsedCsv(Parsed):
    """What a CSV said; its samples may have gone elsewhere."""

    rows: int = 0
    names: list[str] = field(default_factory=list)

    @property
    def machines(self) -> list[str]:
        return self.names

    @property
    def count(self) -> int:
        return self.rows


def read(path: Path, machine: str = "", into: Sink | None = None) -> ParsedCsv:
    """
    Read a standard CSV, plain or gzipped, with comma, semicolon, tab or bar between its cells.

    With `machine`, all rows are of that machine and the file may name only one. Raises InvalidCsv, InvalidMachineId,
    NoInput, Conflict or BadData, whose sentences name line and column and not the file; then `into` may hold a part.
    """
    parsed = ParsedCsv()
    sink: Sink = parsed.samples if into is None else into
    try:
        layout, pieces = take(path, machine, InOrder, sink)
    except Overlapping:
        sink.clear()
        layout, pieces = take(path, machine, Shuffled, sink)
    if not pieces.machines:
        raise NoInput("The file has a header and no rows: there is nothing to read.")
    parsed.warnings += unknown_columns(layout)
    if pieces.repeated:
        parsed.warnings.append(f"Rows that repeat others, with the same values, were left out: {pieces.repeated}.")
    parsed.rows, parsed.names = pieces.rows, pieces.machines
    if machine and pieces.machines != [machine]:
        warning = renamed(pieces.machines, machine)
        parsed.names = [machine]
        parsed.warnings.append(warning)
    return parsed


def take(path: Path, machine: str, way: type[InOrder | Shuffled], sink: Sink) -> tuple[Layout, InOrder | Shuffled]:
    """Read a file in pieces; raise Overlapping if that is not the way for it."""
    with open_bytes(path) as stream, sound_gzip():
        blocks = csv_table.blocks(stream)
        layout, found, rest = csv_header.read(next(blocks, None))
        pieces = way(layout)
        for table in pieces.tables(gathered(chain([rest], blocks), layout)):
            for code, name in enumerate(table.machines):
                for samples in table.samples(code, machine or name, found):
                    sink.append(samples)
    return layout, pieces


def gathered(blocks: Iterator[Block], layout: Layout) -> Iterator[list[Rows]]:
    """Give the rows of so many blocks at a time as make a piece."""
    parts: list[Rows] = []
    for block in blocks:
        if (rows := csv_table.parse(block, layout)) is not None:
            parts.append(rows)
        if sum(part.size for part in parts) > csv_pieces.PIECE_BYTES:
            yield parts
            parts = []
    if parts:
        yield parts


def unknown_columns(layout: Layout) -> list[str]:
    known = {field.at for field in layout.fields}
    unknown = [repr(name[:80]) for at, name in enumerate(layout.names) if at not in known]
    if not unknown:
        return []
    more = f" and {len(unknown) - MAX_LISTED} more" if len(unknown) > MAX_LISTED else ""
    listed = ", ".join(unknown[:MAX_LISTED]) + more
    return [f"Columns that are not known were left out: {listed}."]


def renamed(machines: Sequence[str], machine: str) -> str:
    """Return the warning that a file names another machine than it is said to be of; or raise BadData."""
    check_machine_id(machine)
    if len(machines) > 1:
        raise BadData(
            f"The file holds {len(machines)} machines ({', '.join(machines[:3])} ...) and all of it was to be of "
            f"{machine}: leave the machine out, or make a file for each.",
            error_code="MACHINE_MISMATCH",
            details={"machine_id": machine, "found_machine_ids": list(machines[:MAX_LISTED])},
        )
    return f"The file names its machine {machines[0]}: it was taken for {machine}."

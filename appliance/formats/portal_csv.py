"""
The portal CSV of older uploads (contracts, section 4), in: a row per sample of one machine, which it does not name.

Its last four columns are bytes per second whatever they are called, and its total of memory is not MemTotal in old
files: both are kept as they are, under names of their own.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from appliance import metrics
from appliance.errors import InvalidCsv, NoInput
from appliance.formats import cells, ready_made
from appliance.formats.csv_header import DELIMITERS
from appliance.formats.ready_made import Cell, Found, kibibytes, rate
from appliance.formats.recording import open_bytes, sound_gzip
from appliance.machine import check_machine_id
from appliance.samples import Parsed

TIMESTAMP = "timestamp"
COLUMNS: Mapping[str, Cell] = {
    **{
        f"cpu_{mode}": Cell(metrics.CPU_SHARES[mode], cells.share)
        for mode in ("user", "system", "idle", "iowait", "steal")
    },
    "mem_total_kb": Cell(metrics.MEMORY_PORTAL_TOTAL, kibibytes),
    "mem_used_kb": Cell(metrics.MEMORY_PORTAL_USED, kibibytes),
    "mem_free_kb": Cell(metrics.MEMORY_FREE, kibibytes),
    "mem_cached_kb": Cell(metrics.MEMORY_CACHED, kibibytes),
    "disk_read_bytes": Cell(metrics.RATE_READ_BYTES, rate()),
    "disk_write_bytes": Cell(metrics.RATE_WRITTEN_BYTES, rate()),
    "net_rx_bytes": Cell(metrics.RATE_RECEIVED_BYTES, rate()),
    "net_tx_bytes": Cell(metrics.RATE_SENT_BYTES, rate()),
}
MARKS = {"mem_total_kb", "mem_used_kb"}
"""Columns that no other file has."""
REQUIRED = (TIMESTAMP, "cpu_user", "cpu_system", "cpu_idle", "cpu_iowait", *sorted(MARKS))


def is_header(line: str) -> bool:
    """Say whether a line is the header of a portal CSV."""
    return names_in(line, delimiter_of(line)) >= MARKS


def delimiter_of(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def names_in(line: str, delimiter: str) -> set[str]:
    return {name.strip().strip('"').lower() for name in line.split(delimiter)}


def read(path: Path, machine: str) -> Parsed:
    """Read a portal CSV, plain or gzipped, of a machine. Raises InvalidCsv, NoInput, Conflict or BadData."""
    check_machine_id(machine)
    found = Found()
    with open_bytes(path) as stream, sound_gzip():
        first = stream.readline(1 << 16).decode("utf-8", "replace")
    with open_bytes(path) as stream, sound_gzip():
        table = ready_made.rows(stream, delimiter_of(first))
        line, head = next(table, (0, []))
        if not head:
            raise NoInput("The file has blank lines only: a CSV has a header and rows.")
        names = [name.strip().lower() for name in head]
        check(names, line)
        known: dict[str, Callable[[str], Cell | None]] = {name: only(what) for name, what in COLUMNS.items()}
        ready_made.read(table, names, TIMESTAMP, "", known, found)
    unknown = [repr(name[:80]) for name in names if name != TIMESTAMP and name not in COLUMNS]
    warnings = [f"Columns that are not known were left out: {', '.join(unknown[:20])}."] if unknown else []
    return Parsed(found.samples(machine, ready_made.PORTAL_RUN), {}, warnings + found.warnings)


def only(what: Cell) -> Callable[[str], Cell]:
    return lambda _: what


def check(names: list[str], line: int) -> None:
    """Raise InvalidCsv if a header lacks a column or has one twice."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InvalidCsv(
            f"Missing required column{'s' if len(missing) > 1 else ''}: {', '.join(missing)}",
            details={"line": line, "expected_columns": list(REQUIRED), "found_columns": names[:100]},
        )
    if twice := next((name for at, name in enumerate(names) if name and name in names[:at]), None):
        raise ready_made.bad_line(line, f"names the column {twice[:80]!r} twice")

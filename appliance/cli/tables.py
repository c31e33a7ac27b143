"""Tables that a person can read on a terminal: columns aligned, control characters made visible; JSON for programs."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from appliance import moment

UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))
SIZES = ("B", "kB", "MB", "GB", "TB")


def show(heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "") -> None:
    """Print a table; numbers are aligned right. Where there is no row, say what to do instead, if that is given."""
    if empty and not rows:
        click.echo(visible(empty))
        return
    cells = [[visible(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(heads), *cells]) for at in range(len(heads))]
    right = [bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(heads))]
    for row in [list(heads), *cells]:
        line = [
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(row, widths, right, strict=True)
        ]
        click.echo("  ".join(line).rstrip())


def show_one(heading: str, rows: Sequence[tuple[str, object]]) -> None:
    """Print what there is to say of one thing, a line for each."""
    click.echo(visible(heading))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(visible(f"  {name:{width}}  {value}"))


def print_json(content: object) -> None:
    """Print what programs read."""
    click.echo(json.dumps(content, indent=1))


def visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def shortened(text: str, most: int) -> str:
    """Return a text that fits into a column; JSON has the whole."""
    text = visible(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def time_text(at_ms: int | None) -> str:
    """Write a time as 2026-01-31 12:00:00Z, or a dash for none."""
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def iso(at_ms: int | None) -> str | None:
    """Write a time for programs: ISO 8601 in UTC."""
    return None if at_ms is None else moment.text(at_ms)


def near_text(at_ms: int | None, none: str = "never") -> str:
    """Write a time of the last or next days as "3 h ago" or "in 3 h", and any other as its date in UTC."""
    if at_ms is None:
        return none
    distance = time.time_ns() // 1_000_000 - at_ms
    if abs(distance) >= 100 * UNITS[0][0]:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
    for size, unit in UNITS:
        if abs(distance) >= size:
            count = round(abs(distance) / size)
            return f"{count} {unit} ago" if distance > 0 else f"in {count} {unit}"
    return "just now" if distance >= 0 else "in a moment"


def size_text(size: int) -> str:
    """Write bytes as a person reads them: 12.3 MB."""
    number, power = float(size), 0
    while number >= 999.5 and power < len(SIZES) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.0f} {SIZES[power]}" if power == 0 or number >= 99.95 else f"{number:.1f} {SIZES[power]}"


def counted(count: int, noun: str) -> str:
    """Write "1 row" or "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

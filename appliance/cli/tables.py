"""Tables that a person can read on a terminal: columns aligned, control characters made visible."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click


def show(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are aligned right."""
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(heads), *cells]) for at in range(len(heads))]
    right = [bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(heads))]
    for row in [list(heads), *cells]:
        line = [
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(row, widths, right, strict=True)
        ]
        click.echo("  ".join(line).rstrip())


def visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def time_text(at_ms: int | None) -> str:
    """Write a time as 2026-01-31 12:00:00Z, or a dash for none."""
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def counted(count: int, noun: str) -> str:
    """Write "1 row" or "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

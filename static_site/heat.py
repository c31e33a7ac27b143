"""Tables of numbers on a ground of their size: a row for each thing, a column for each stretch of time."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from static_site import buckets, times, units
from static_site.axes import label
from static_site.content import Cell, Head, Table
from static_site.times import Span

COLUMNS, FEW_COLUMNS, STEPS = 26, 16, 7
"""The heads of columns of seconds are longer: there is room for fewer."""


def level(percent: float) -> int:
    return min(STEPS - 1, max(0, int(percent / 100 * STEPS)))


def cell(percent: float | None, title: str = "") -> Cell:
    """Return a share of 0 to 100 % as a number on its ground."""
    if percent is None or math.isnan(percent):
        return Cell(units.NOTHING, title="no data")
    return Cell(f"{percent:.0f}", heat=level(percent), title=title)


def step(span: Span) -> int:
    """Return the length of a column, in seconds."""
    wanted = buckets.step(span, COLUMNS)
    return wanted if wanted >= 60 else buckets.step(span, FEW_COLUMNS)


def edges(span: Span) -> list[int]:
    """Return when each column begins, in Unix milliseconds."""
    step_ms = step(span) * 1000
    return list(range(span.start_ms // step_ms * step_ms, span.end_ms, step_ms)) or [span.start_ms]


def heads(span: Span) -> list[Head]:
    return [Head(label(at_ms, step(span) * 1000)) for at_ms in edges(span)]


def highs(series: pd.Series, seconds: pd.Series, span: Span) -> list[float]:
    """Return the 95th percentile in each column; NaN where nothing is known."""
    step_ms = step(span) * 1000
    found = buckets.bucketed(series, seconds, step(span))
    high = dict(zip((found.at_ms - step_ms / 2).astype(int).tolist(), found.high.tolist(), strict=True))
    return [high.get(at_ms, math.nan) for at_ms in edges(span)]


def table(ident: str, caption: str, span: Span, rows: Mapping[str, Sequence[Cell]], notes: Sequence[str] = ()) -> Table:
    said = (
        f"{caption}. Each cell: 95th percentile, in %, of the {times.duration(step(span))} from the time at the head "
        "of its column (UTC)."
    )
    body = [[Cell(name), *cells] for name, cells in rows.items()]
    return Table(ident, said, [Head("resource", False), *heads(span)], body, notes, stacks=False)

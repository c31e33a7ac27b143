"""When a week or a day is busy: the 95th percentile of each hour, as a table of numbers."""

import math

import numpy as np
import pandas as pd

from static_site import heat, times
from static_site.content import Cell, Head, Note, Section, Table
from static_site.subject import Subject
from static_site.times import DAY_MS

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOUR_MS = 3_600_000
LEAST_DAYS, LEAST_COVERAGE, LEAST_HOURS, MOST_DAYS = 14, 0.5, 3, 31


def section(subject: Subject, what: str, series: pd.Series, seconds: pd.Series) -> Section | None:
    """Return hour by weekday from 14 days on, else day by hour; None for less than three hours."""
    known = series.dropna()
    if subject.span.seconds < LEAST_HOURS * 3600 or not len(known):
        return None
    at_ms = known.index.to_numpy()
    # A value is of the interval that ends at its time.
    hour = (at_ms - 1) // HOUR_MS
    day, of_day = hour // 24, hour % 24
    weight = np.nan_to_num(np.asarray(seconds.reindex(known.index), np.float64))
    whole = subject.span.seconds >= LEAST_DAYS * DAY_MS / 1000
    # The first day of the epoch was a Thursday.
    row = (day + 3) % 7 if whole else day
    table = pd.DataFrame({"row": row, "hour": of_day, "value": known.to_numpy(), "weight": weight})
    cells = table.groupby(["row", "hour"])
    high, covered = cells["value"].quantile(0.95), cells["weight"].sum()
    expected = expected_seconds(subject, whole)
    rows = []
    listed = list(range(7)) if whole else sorted(set(day.tolist()))[-MOST_DAYS:]
    for one in listed:
        name = WEEKDAYS[one] if whole else times.date(one * DAY_MS)
        line = [Cell(name)]
        for of_one in range(24):
            there = expected.get((one, of_one), 0.0)
            share = float(covered.get((one, of_one), 0.0)) / there if there > 0 else 0.0
            value = float(high.get((one, of_one), math.nan))
            line.append(heat.cell(value if share >= LEAST_COVERAGE else None))
        # A sample at midnight is of the day before, which the period hardly touches.
        if whole or any(cell.heat is not None for cell in line):
            rows.append(line)
    (peak_row, peak_hour), peak = max(high.items(), key=lambda pair: pair[1])
    where = WEEKDAYS[peak_row] if whole else f"on {times.date(peak_row * DAY_MS)}"
    answer = (
        f"{what} was highest {where} from {peak_hour:02d}:00 UTC: {peak:.0f} % at the 95th percentile of that hour."
    )
    kind = "hour of the week" if whole else "hour"
    caption = f"{what}, in %: 95th percentile of the samples of each {kind}, UTC"
    heads = [Head("day", False), *(Head(f"{number:02d}") for number in range(24))]
    note = Note("Cells with samples of less than half their time are left out.")
    return Section("when", "When", answer, [Table("when-table", caption, heads, rows, stacks=False), note])


def expected_seconds(subject: Subject, whole: bool) -> dict[tuple[int, int], float]:
    """Return how many seconds of the period lie in each cell."""
    found: dict[tuple[int, int], float] = {}
    for hour in range(subject.span.start_ms // HOUR_MS, subject.span.end_ms // HOUR_MS + 1):
        inside = min((hour + 1) * HOUR_MS, subject.span.end_ms) - max(hour * HOUR_MS, subject.span.start_ms)
        day = hour // 24
        cell = ((day + 3) % 7 if whole else day, hour % 24)
        found[cell] = found.get(cell, 0.0) + inside / 1000
    return found

"""When a week or a day is busy: the 95th percentile of each hour, as a table of numbers."""

import numpy as np
import pandas as pd

from appliance.analysis.hours import hours_of_days, hours_of_week
from static_site import heat
from static_site.content import Cell, Head, Note, Section, Table
from static_site.subject import Subject

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEAST_HOURS = 3


def section(subject: Subject, what: str, series: pd.Series, seconds: pd.Series) -> Section | None:
    """Return hour by weekday where there are days enough, else hour by day; None where no hours can be compared."""
    if subject.span.seconds < LEAST_HOURS * 3600:
        return None
    hours = hours_of_week(series, seconds, subject.run.period)
    kind, names, at = "hour of the week", list(WEEKDAYS), ""
    if hours is None:
        days, hours = hours_of_days(series, seconds, subject.run.period)
        kind, names, at = "hour", [str(day) for day in days], "on "
    if not np.isfinite(hours.values).any():
        return None
    rows = [[Cell(name), *map(heat.cell, row)] for name, row in zip(names, hours.values.tolist(), strict=True)]
    row, hour = np.unravel_index(np.nanargmax(hours.values), hours.values.shape)
    answer = (
        f"{what} was highest {at}{names[row]} from {hour:02d}:00 UTC: {hours.values[row, hour]:.0f} % at the 95th "
        "percentile of that hour."
    )
    caption = f"{what}, in %: 95th percentile of the samples of each {kind}, UTC"
    heads = [Head("day", False), *(Head(f"{number:02d}") for number in range(24))]
    note = Note("Cells with samples of less than half their time are left out.")
    return Section("when", "When", answer, [Table("when-table", caption, heads, rows, stacks=False), note])

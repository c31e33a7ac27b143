"""What a chart is told to draw: traces in panels, and how the panels are laid out; plain data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from static_site.buckets import Gap
from static_site.colours import BLUE, INK
from static_site.units import Quantity


@dataclass(frozen=True, slots=True)
class Trace:
    """One line, band or area: a series by Unix milliseconds, and the seconds that each of its values stands for."""

    name: str
    series: pd.Series
    seconds: pd.Series
    colour: str = BLUE
    over_gaps: pd.Series | None = None
    """Averages over gaps, each at the sample after it: drawn flat and apart, as they belong to no interval."""


@dataclass(frozen=True, slots=True)
class Limit:
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: traces of one quantity, with 0 at the bottom."""

    traces: Sequence[Trace]
    quantity: Quantity
    of: str = ""
    """What the unit is of: "of all CPU time"."""
    top: float | None = None
    """The end of the axis; None for what the data needs."""
    stacked: bool = False
    """The traces are shares of one whole, with the same times."""
    limit: Limit | None = None
    gaps: Sequence[Gap] = ()
    label: str = ""
    """Which one, for panels beside each other: words of our own, never a stranger's name."""

    def averages(self) -> list[tuple[Gap, float, str]]:
        """Return (gap, average, colour) of what is known to have happened in gaps; of stacked traces, their sum."""
        found = []
        for gap in self.gaps:
            values = [
                (float(trace.over_gaps[gap[1]]), trace.colour)
                for trace in self.traces
                if trace.over_gaps is not None and gap[1] in trace.over_gaps.index
            ]
            known = [(value, colour) for value, colour in values if math.isfinite(value)]
            if self.stacked and known:
                known = [(sum(value for value, _ in known), INK)]
            found += [(gap, value, colour) for value, colour in known]
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    height: int = 170
    """Of each plot, without its labels."""
    columns: int = 1
    boots: Sequence[int] = ()
    """When the machine was started, in Unix milliseconds."""
    episode: Gap | None = None
    """The stretch that is shaded."""

"""One panel of a chart: axes, what is behind the data, and the data. Lines never cross a gap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import IdentityTransform

from static_site import axes, svg
from static_site.buckets import MAX_BUCKETS, Floats, Gap, Layers, layers
from static_site.colours import DASHES, GRID, INK, LIMIT, MUTED, SHADE
from static_site.panels import Layout, Panel, Trace
from static_site.times import Span, date

MEAN_WIDTH, MOST_WIDTH, BAND_OPACITY, AREA_OPACITY, PALE = 1.7, 0.6, 0.28, 0.85, 0.35
HALF_COVERED = 0.5
GAP_DASHES = (3, 3)
BUCKETS_PER_UNIT = MAX_BUCKETS / 880
"""As many as fit into a plot of the whole width."""
FEW = 20
"""So few samples are drawn as dots too: a line alone looks like more."""
HALF_LETTER = 3.2
NARROW, LINE = 400, 15
"""A picture less wide has fewer ticks, and a line of its own for its days."""
LEAST_GAP, LABELLED_GAP = 1.5, 60
"""A gap is never thinner than can be seen, and says its name where that fits."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a plot stands in its figure, in units from the lower left corner, and on which sides it is the last."""

    x: float
    y: float
    width: float
    height: float
    left: bool
    top: bool
    bottom: bool
    right: bool


class Plot:
    """
    One panel on its way to paper.

    Places are units of the figure, computed here and not by matplotlib's axes: those would be the larger part of the
    time that a chart takes.
    """

    def __init__(self, figure: Figure, box: Box, span: Span, panel: Panel, layout: Layout):
        self.figure, self.box, self.span, self.panel, self.layout = figure, box, span, panel, layout
        self.units = IdentityTransform()
        self.sheet = [float(inches) * 72 for inches in figure.get_size_inches()]
        self.right, self.ceiling = box.x + box.width, box.y + box.height
        self.narrow = self.sheet[0] < NARROW
        # A single sample has no span: it stands in the middle.
        self.first_ms, self.length_ms = (
            (span.start_ms, span.end_ms - span.start_ms) if span.seconds else (span.start_ms - 1000, 2000)
        )
        self.top = 1.0

    def draw(self) -> int | None:
        """Draw everything; return the length of the buckets in seconds, or None where samples are drawn."""
        panel = self.panel
        traces = whole_stack(panel.traces) if panel.stacked else panel.traces
        drawn = [self.layers(trace.series, trace.seconds) for trace in traces]
        seen = [self.layers(total(traces), traces[0].seconds)] if panel.stacked else drawn
        limit, averages = panel.limit.value if panel.limit else 0.0, panel.averages()
        highest = max([largest(seen), limit, *(value for _, value, _ in averages)])
        axis = axes.value_axis(highest, panel.quantity, panel.top, 5 if self.box.height >= 100 else 4)
        self.top = axis.top
        self.ground(axis)
        self.time_axis()
        if panel.stacked:
            self.stack(traces, drawn, seen[0])
        else:
            for trace, layer in zip(traces, drawn, strict=True):
                self.trace(trace, layer)
        for (start_ms, end_ms), value, colour in averages:
            y = float(self.y(value))
            self.line([self.x(start_ms), self.x(end_ms)], [y, y], colour, MEAN_WIDTH, GAP_DASHES)
        if panel.limit:
            y = float(self.y(limit))
            self.line([self.box.x, self.right], [y, y], LIMIT, 1.0, (4, 3))
            self.text(self.right - 4, y + (5 if limit < 0.85 * axis.top else -14), panel.limit.text, "right", LIMIT)
        return seen[0].step_seconds if seen else None

    def layers(self, series: pd.Series, seconds: pd.Series) -> Layers:
        """Return as much of a series as the width of the plot has room for."""
        return layers(series, seconds, self.panel.gaps, self.span, int(self.box.width * BUCKETS_PER_UNIT))

    def x(self, at_ms: Any) -> Any:
        """Return where a time, or an array of times, stands."""
        return self.box.x + (at_ms - self.first_ms) / self.length_ms * self.box.width

    def y(self, value: Any) -> Any:
        return self.box.y + value / self.top * self.box.height

    # What is behind the data.

    def ground(self, axis: axes.Axis) -> None:
        box, panel = self.box, self.panel
        if self.layout.episode:
            self.block(*self.layout.episode, facecolor=SHADE)
        for value, label in axis.ticks:
            y = float(self.y(value))
            self.line([box.x, self.right], [y, y], GRID if value else MUTED, 0.8)
            if box.left:
                self.text(box.x - 8, y - 4.5, label, "right")
        unit = f"{axis.unit} {panel.of}".strip() if box.left else ""
        heading = ", ".join(filter(None, [panel.label, unit]))
        self.text(box.x, self.ceiling + 9, heading, colour=INK if panel.label else MUTED)
        if box.top and box.right:
            days = date(self.span.start_ms) + ("" if self.span.one_day else f" to {date(self.span.end_ms)}")
            self.text(self.right, self.ceiling + 9 + (LINE if self.narrow else 0), days, "right")
        for start_ms, end_ms in [*self.missing_ends(), *panel.gaps]:
            self.block(start_ms, end_ms, facecolor="none", gid=svg.NO_DATA)
            begin, end = self.x(start_ms), self.x(end_ms)
            if end - begin >= LABELLED_GAP:
                self.text((begin + end) / 2, box.y + box.height / 2 - 4, "no data", "center", INK)
        for at_ms in self.layout.boots:
            x = self.x(at_ms)
            self.line([x, x], [box.y, self.ceiling], INK, 0.8, (1, 3))
            self.text(x + 4, self.ceiling - 12, "boot", colour=INK)

    def time_axis(self) -> None:
        """Draw the ticks; their labels where no panel is below."""
        box = self.box
        for at_ms, label in axes.time_ticks(self.span, max(3, int(box.width // (60 if self.narrow else 78)))):
            x = self.x(at_ms)
            self.line([x, x], [box.y - 4, box.y], MUTED, 0.8)
            if box.bottom:
                # A label at an edge is kept inside the plot.
                half = len(label) * HALF_LETTER
                align = "left" if x < box.x + half else "right" if x > self.right - half else "center"
                self.text(x, box.y - 19, label, align)
        if box.bottom and box.left:
            self.text(box.x - 8, box.y - 19, "UTC", "right")

    def missing_ends(self) -> list[Gap]:
        """Return the time before the first and after the last sample, where it is more than a few intervals."""
        times = [trace.series.index for trace in self.panel.traces if len(trace.series)]
        if not times:
            return []
        first, last = min(int(index[0]) for index in times), max(int(index[-1]) for index in times)
        usual_ms = float(np.median(np.diff(times[0]))) if len(times[0]) > 1 else 0.0
        least_ms = max(2.5 * usual_ms, 12 * self.length_ms / self.box.width)
        return [gap for gap in ((self.span.start_ms, first), (last, self.span.end_ms)) if gap[1] - gap[0] > least_ms]

    # The data.

    def trace(self, trace: Trace, layer: Layers) -> None:
        x, mean = self.x(layer.at_ms), self.y(layer.mean)
        if layer.step_seconds is None:
            alone = len(self.panel.traces) == 1
            self.line(x, mean, trace.colour, MEAN_WIDTH, () if alone else DASHES[trace.colour])
            self.dots(x, mean, trace.colour, every=len(trace.series) < FEW)
            return
        full = layer.coverage >= HALF_COVERED
        for piece in pieces(np.isfinite(mean) & full):
            self.area(x[piece], self.y(layer.low[piece]), self.y(layer.high[piece]), trace.colour, BAND_OPACITY)
        self.line(x, self.y(layer.most), trace.colour, MOST_WIDTH)
        # To their neighbours, or the line would have holes.
        pale = ~full | np.append(~full[1:], False) | np.insert(~full[:-1], 0, False)
        if pale.any():
            self.line(x, np.where(pale, mean, np.nan), trace.colour, MEAN_WIDTH, opacity=PALE)
        self.line(x, np.where(full, mean, np.nan), trace.colour, MEAN_WIDTH)
        self.dots(x, mean, trace.colour)

    def stack(self, traces: Sequence[Trace], drawn: Sequence[Layers], whole: Layers) -> None:
        x, known = self.x(whole.at_ms), np.isfinite(whole.mean)
        floor = np.zeros(len(x))
        for trace, layer in zip(traces, drawn, strict=True):
            ceiling = floor + np.nan_to_num(layer.mean)
            for piece in pieces(known) if (ceiling > floor).any() else []:
                self.area(x[piece], self.y(floor[piece]), self.y(ceiling[piece]), trace.colour, AREA_OPACITY)
            floor = ceiling
        if whole.step_seconds is not None:
            self.line(x, self.y(whole.most), INK, MOST_WIDTH)
        self.dots(x, self.y(whole.mean), INK, every=len(traces[0].series) < FEW)

    # Marks, in units of the figure.

    def line(
        self, x: Any, y: Any, colour: str, width: float, dashes: tuple[float, ...] = (), opacity: float | None = None
    ) -> None:
        style: Any = (0, tuple(length / width for length in dashes)) if dashes else "-"
        self.figure.add_artist(
            Line2D(
                x, y, color=colour, linewidth=width, linestyle=style, alpha=opacity, solid_capstyle="butt",
                transform=self.units,
            )
        )  # fmt: skip

    def dots(self, x: Floats, y: Floats, colour: str, every: bool = False) -> None:
        """Mark the values that have no neighbour, which a line would not show; or every one, if they are few."""
        there = np.isfinite(y)
        alone = there & ~np.concatenate([[False], there[:-1]]) & ~np.concatenate([there[1:], [False]])
        shown = there if every else alone
        if shown.any():
            self.figure.add_artist(
                Line2D(
                    x[shown], y[shown], color=colour, linestyle="", marker="o", markersize=4, markeredgewidth=0,
                    transform=self.units,
                )
            )  # fmt: skip

    def area(self, x: Floats, low: Floats, high: Floats, colour: str, opacity: float) -> None:
        if len(x) > 1:
            outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]])])
            self.patch(outline, facecolor=colour, alpha=opacity)

    def block(self, start_ms: int, end_ms: int, **style: Any) -> None:
        """Fill a stretch of time from bottom to top."""
        middle, half = self.x((start_ms + end_ms) / 2), max(self.x(end_ms) - self.x(start_ms), LEAST_GAP) / 2
        left, right = middle - half, middle + half
        corners = [(left, self.box.y), (left, self.ceiling), (right, self.ceiling), (right, self.box.y)]
        self.patch(np.array(corners), **style)

    def patch(self, outline: Any, **style: Any) -> None:
        self.figure.add_artist(Polygon(outline, linewidth=0, transform=self.units, **style))

    def text(self, x: float, y: float, words: str, align: str = "left", colour: str = MUTED) -> None:
        if words:
            self.figure.text(x / self.sheet[0], y / self.sheet[1], words, color=colour, ha=align, va="baseline")


def whole_stack(traces: Sequence[Trace]) -> list[Trace]:
    """Return stacked traces that are known at the same times: what was not read of a known whole is none of it."""
    known = total(traces).notna()
    return [replace(trace, series=trace.series.fillna(0).where(known)) for trace in traces]


def total(traces: Sequence[Trace]) -> pd.Series:
    """Add up stacked traces; NaN only where none is known."""
    added: pd.Series = pd.concat([trace.series for trace in traces], axis=1).sum(axis=1, min_count=1)
    return added


def largest(drawn: Sequence[Layers]) -> float:
    """Return the largest value of some layers, 0 if there is none."""
    return max((float(np.nanmax(layer.most)) for layer in drawn if np.isfinite(layer.most).any()), default=0.0)


def pieces(known: Any) -> list[slice]:
    """Return the unbroken pieces of a mask."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(start, end) for start, end in edges.reshape(-1, 2).tolist()]

"""
Charts over time, drawn by matplotlib.

A picture is 960 units wide and every chart of a page has the same plot rectangle, so that times stand above each
other. A telephone would show its text at a third of its size: what must be seen there is drawn a second time, 300 wide.
No text of a stranger is drawn: names of disks and containers stand in the page, where they are escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from static_site import svg
from static_site.panels import Layout, Panel
from static_site.plot import Box, Plot
from static_site.times import Span

BOTTOM = 26
BELOW, BESIDE = 34, 20
"""Between panels: below each other there is a line of text, beside each other there is not."""
SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "perfanalysis", "text.parse_math": False, "font.size": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paper:
    """How wide a picture is, and its margins. Letters have the same size on all."""

    width: int
    left: int
    right: int
    top: int


WIDE, NARROW = Paper(960, left=64, right=16, top=24), Paper(300, left=42, right=6, top=40)


@dataclass(frozen=True, slots=True)
class Picture:
    svg: Markup
    step_seconds: int | None
    """Length of the buckets that are drawn; None if the samples are."""


def draw(
    ident: str, title: str, description: str, panels: Sequence[Panel], span: Span, layout: Layout, paper: Paper = WIDE
) -> Picture:  # fmt: skip
    """Draw panels, in rows of so many columns, on the same span of time."""
    columns = layout.columns
    rows = -(-len(panels) // columns)
    height = paper.top + rows * layout.height + (rows - 1) * BELOW + BOTTOM
    width = (paper.width - paper.left - paper.right - (columns - 1) * BESIDE) / columns
    steps = []
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(paper.width / 72, height / 72), dpi=72, frameon=False)
        for number, panel in enumerate(panels):
            row, column = divmod(number, columns)
            box = Box(
                paper.left + column * (width + BESIDE),
                height - paper.top - (row + 1) * layout.height - row * BELOW, width, layout.height,
                left=column == 0, top=row == 0, bottom=number + columns >= len(panels), right=column == columns - 1,
            )  # fmt: skip
            steps.append(Plot(figure, box, span, panel, layout).draw())
        picture = svg.inline(figure, ident, title, description)
    return Picture(picture, max((step for step in steps if step), default=None))

"""Distribution functions as small charts: for which share of the time a metric was at or below a value."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from appliance.analysis.statistics import Floats
from static_site import axes, svg
from static_site.units import Quantity

LEAST_VALUES = 20
"""Fewer are no distribution: one step would be more than a twentieth of it."""
MOST_PANELS = 6
WIDE, NARROW = (960, 3), (300, 1)
"""Width of the picture, and panels beside each other."""
LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 44, 22, 22, 90, 30
SHARES = (0, 50, 95, 100)


@dataclass(frozen=True, slots=True)
class Curve:
    name: str
    """Words of our own."""
    quantity: Quantity
    values: Floats
    shares: Floats
    """Of time at or below each value, 0 to 1."""


def draw(curves: Sequence[Curve], title: str, paper: tuple[int, int]) -> Markup:
    """Return the curves as one SVG."""
    width, columns = paper
    columns = min(columns, len(curves))
    each, row = width / columns, TOP + HEIGHT + BOTTOM
    panels = Markup("").join(
        panel(curve, number % columns * each + LEFT, number // columns * row + TOP, each - LEFT - RIGHT)
        for number, curve in enumerate(curves)
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, -(-len(curves) // columns) * row, title, panels
    )


def panel(curve: Curve, left: float, top: float, width: float) -> Markup:
    """Return one curve, from 0 on, with lines at the shares that tables name."""
    axis = axes.value_axis(float(curve.values[-1]), curve.quantity, most=4)
    bottom = top + HEIGHT
    heading = f"{curve.name}, {axis.unit}".removesuffix(", ")
    marks = [text(left, top - 9, heading, "start", "ink")]
    for share in SHARES:
        y = bottom - share / 100 * HEIGHT
        marks.append(line(f"M {left:.1f} {y:.1f} L {left + width:.1f} {y:.1f}", "grid" if share else "muted", 0.8))
        # Two letters would touch.
        if share != 95:
            marks.append(text(left - 6, y + 4, f"{share} %", "end"))
    for value, label in axis.ticks:
        marks.append(text(left + value / axis.top * width, bottom + 16, label, "middle"))
    across, down = (left + curve.values / axis.top * width).tolist(), (bottom - curve.shares * HEIGHT).tolist()
    steps = [f"M {across[0]:.1f} {bottom:.1f}", f"L {across[0]:.1f} {down[0]:.1f}"]
    for x, before, after in zip(across[1:], down[:-1], down[1:], strict=True):
        steps += [f"L {x:.1f} {before:.1f}", f"L {x:.1f} {after:.1f}"]
    return Markup("").join([*marks, line(" ".join(steps), "s1", 1.7)])


def line(path: str, colour: str, width: float) -> Markup:
    return Markup('<path d="{}" fill="none" stroke="var(--{})" stroke-width="{}"/>').format(
        svg.path(path), colour, width
    )


def text(x: float, y: float, words: str, anchor: str, colour: str = "muted") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="var(--{})">{}</text>').format(
        x, y, anchor, colour, words
    )

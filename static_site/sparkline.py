"""A chart of the size of a word: the 95th percentile of each piece of a period, and a dot at the maximum."""

import math
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from static_site import svg, units
from static_site.buckets import bucketed
from static_site.subject import peak
from static_site.times import Span
from static_site.units import Quantity

WIDTH, HEIGHT, PIECES = 120, 24, 60


def sparkline(series: pd.Series, span: Span, what: str, quantity: Quantity, pieces: int = PIECES) -> Markup | None:
    """Return a series as a small SVG, of shares from 0 to 100 %, else from 0 to its maximum; None without a value."""
    highest, at_ms = peak(series)
    if highest is None:
        return None
    # Pieces shorter than an interval would be empty.
    intervals = np.diff(series.index.to_numpy()) / 1000
    usual = 1.5 * float(np.median(intervals)) if len(intervals) else 1.0
    drawn = bucketed(series, pd.Series(1.0, index=series.index), math.ceil(max(span.seconds / pieces, usual)))
    x = np.clip((drawn.at_ms - span.start_ms) / max(1, span.end_ms - span.start_ms), 0, 1) * WIDTH
    largest = 100.0 if quantity is units.PERCENT else highest if highest > 0 else 1.0
    y = place(drawn.high, largest)
    known = np.isfinite(y).tolist()
    path = [
        f"{'L' if before else 'M'} {across:.1f} {down:.1f}"
        for across, down, there, before in zip(x.tolist(), y.tolist(), known, [False, *known], strict=False)
        if there
    ]
    dot = (at_ms - span.start_ms) / max(1, span.end_ms - span.start_ms) * WIDTH
    title = f"{what}: at most {units.text(highest, quantity)}"
    return Markup(
        '<svg class="spark" viewBox="-3 -3 {} {}" role="img" aria-label="{}"><path class="floor" d="M0 {}H{}"/>'
        '<path class="line" d="{}"/><circle cx="{:.1f}" cy="{:.1f}" r="2.2"/></svg>'
    ).format(WIDTH + 6, HEIGHT + 6, title, HEIGHT, WIDTH, svg.path(" ".join(path)), dot, place(highest, largest))


def place(values: Any, largest: float) -> Any:
    """Return how far down a value, or an array of values, stands."""
    return HEIGHT - np.clip(values / largest, 0, 1) * HEIGHT

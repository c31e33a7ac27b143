"""Where the ticks of an axis stand and what they say: round numbers, civil times, never more than twelve."""

import math
from dataclasses import dataclass

from static_site.times import DAY_MS, Span, moment
from static_site.units import Quantity, scale, significant

MAX_TICKS = 12
TIME_STEPS_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400, 56 * 86_400, 182 * 86_400, 364 * 86_400,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """A value axis from 0: `top` and `ticks` in the quantity's own unit."""

    top: float
    ticks: list[tuple[float, str]]
    unit: str


def value_axis(largest: float, quantity: Quantity, top: float | None = None, most: int = 5) -> Axis:
    """Return an axis that holds the largest value; `top` fixes its end, as 100 does for shares of a whole."""
    if top == 100:
        steps = (0, 25, 50, 75, 100) if most >= 5 else (0, 50, 100)
        return Axis(100.0, [(float(step), str(step)) for step in steps], quantity.scales[0][1])
    largest = top or largest
    size, unit = scale(largest, quantity)
    step = round_step(largest / size / (most - 1), quantity.whole)
    count = max(1, math.ceil(largest / size / step - 1e-9))
    ticks = [(index * step * size, significant(index * step)) for index in range(count + 1)]
    return Axis(top or count * step * size, [tick for tick in ticks if tick[0] <= (top or math.inf)], unit)


def round_step(least: float, whole: bool = False) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))
    return max(1.0, math.ceil(step)) if whole else step


def time_ticks(span: Span, most: int = MAX_TICKS) -> list[tuple[int, str]]:
    """Return the times (Unix milliseconds) and labels of an axis in UTC."""
    least = span.seconds / (most - 1)
    longest = TIME_STEPS_SECONDS[-1]
    step_ms = 1000 * next((step for step in TIME_STEPS_SECONDS if step >= least), -int(-least // longest) * longest)
    first = -(-span.start_ms // step_ms) * step_ms
    return [(at_ms, label(at_ms, step_ms)) for at_ms in range(first, span.end_ms + 1, step_ms)]


def label(at_ms: int, step_ms: int) -> str:
    at = moment(at_ms)
    if step_ms >= 364 * DAY_MS:
        return f"{at:%b %Y}"
    if at_ms % DAY_MS == 0:
        return f"{at:%d %b}"
    return f"{at:%H:%M:%S}" if step_ms < 60_000 else f"{at:%H:%M}"

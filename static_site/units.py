"""Numbers as people read them: three significant figures, a unit that fits, and never 0 for what is not zero."""

import math
import re
from dataclasses import dataclass

from appliance.analysis import wording

NO_BREAK, THIN = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
UNIT_AFTER_NUMBER = re.compile(r"(?<=[0-9]) (?=(?:%|[kKMGT]?i?B(?:/s)?|[kMG]?bit/s|µs|ms|s|min|h|d)(?!\w))")
BETWEEN_THOUSANDS = re.compile(r"(?<=[0-9]) (?=[0-9]{3}(?![0-9]))")
NOTHING = "\N{EN DASH}"
"""What stands where there is no number."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured, by the units it is written in: (size, name), the smallest first."""

    scales: tuple[tuple[float, str], ...]
    whole: bool = False
    """A count of things: no halves on an axis, and no decimals unless there is a part of one."""


def plain(unit: str, whole: bool = False) -> Quantity:
    """Return a quantity of one unit."""
    return Quantity(((1.0, unit),), whole)


def binary() -> Quantity:
    return Quantity(tuple((1024.0**power, unit) for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))))


def decimal(unit: str) -> Quantity:
    return Quantity(tuple((1000.0**power, prefix + unit) for power, prefix in enumerate(("", "k", "M", "G", "T"))))


PERCENT = plain("%")
BYTES = binary()
"""What is held: memory and file systems."""
TRAFFIC, TRAFFIC_PER_SECOND = decimal("B"), decimal("B/s")
"""What is moved, counted as clouds and makers of disks do."""
BITS_PER_SECOND = decimal("bit/s")
SECONDS = Quantity(((1e-6, "µs"), (1e-3, "ms"), (1.0, "s")))
COUNT, PER_SECOND = plain("", whole=True), plain("/s")
CPUS, TASKS = plain("CPUs"), plain("tasks", whole=True)


def text(value: float | None, quantity: Quantity) -> str:
    """Write a value with its unit; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return NOTHING
    size, unit = scale(abs(value), quantity)
    written = grouped(value) if quantity.whole and value == int(value) else number(value / size)
    return f"{written}{NO_BREAK}{unit}" if unit else written


def scale(largest: float, quantity: Quantity) -> tuple[float, str]:
    """Return the unit (its size and name) in which a value, or the largest of an axis, is written."""
    fitting = [scale for scale in quantity.scales if largest >= scale[0]]
    return fitting[-1] if fitting else quantity.scales[0]


def number(value: float) -> str:
    """Write a number with three significant figures, at most two of them decimals."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.1:
        return "<0.1"
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return grouped(value, decimals)


def joined(sentence: str) -> str:
    """Keep a sentence's numbers and their units on one line."""
    return UNIT_AFTER_NUMBER.sub(NO_BREAK, BETWEEN_THOUSANDS.sub(THIN, sentence))


def signed(value: float) -> str:
    """Write a change with its sign; one that is hardly there has none."""
    return f"+{number(value)}" if value >= 0.1 else number(abs(value)) if value > -0.1 else number(value)


def change(value: float, quantity: Quantity) -> str:
    """Write a change with its sign and its unit."""
    written = text(abs(value), quantity)
    return written if value == 0 or written.startswith("<") else f"{'+' if value > 0 else '−'}{written}"


def grouped(value: float, decimals: int = 0) -> str:
    """Write a number with thin spaces between its thousands."""
    return wording.grouped(value, decimals).replace(" ", THIN).replace("-", "−")


def significant(value: float) -> str:
    """Write the label of an axis: no more decimals than it needs."""
    return f"{value:.10g}".replace("-", "−") if abs(value) < 1000 else grouped(value)


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Write "1 disk", "2 disks"."""
    return f"{grouped(count)} {noun if count == 1 else nouns or noun + 's'}"


def listed(names: list[str]) -> str:
    """Write "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))

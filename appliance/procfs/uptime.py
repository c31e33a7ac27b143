"""/proc/uptime: time since the start, on a clock that nobody sets."""

from collections.abc import Iterator
from math import isfinite

from appliance.metrics import UPTIME_SECONDS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The first number is seconds with two decimals; the second is idle time, which /proc/stat has better."""
    seconds = float(text.split(None, 1)[0])
    if not isfinite(seconds):
        raise ValueError(f"{seconds} is no time")
    yield Value(UPTIME_SECONDS, "", round(seconds * UPTIME_SECONDS.per_unit))

"""/proc/uptime: time since the start, on a clock that nobody sets."""

from collections.abc import Iterator

from appliance.metrics import UPTIME_SECONDS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The first number is seconds with two decimals; the second is idle time, which /proc/stat has better."""
    yield Value(UPTIME_SECONDS, "", round(float(text.split(None, 1)[0]) * UPTIME_SECONDS.per_unit))

"""Durations as people and Go programs write them: 24h, 5m, 60s, 500ms, 1h30m; 0 is "until stopped"."""

import re

from appliance.errors import UsageError

SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
MAX_SECONDS = 100 * 365 * 86400.0


def parse(text: str) -> float:
    """Return seconds; raise UsageError for what is no duration, is negative or is longer than a century."""
    text = text.strip()
    if text == "0":
        return 0.0
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{text[:40]!r} is not a duration: write it like 60s, 5m, 1h30m or 500ms.")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if seconds > MAX_SECONDS:
        raise UsageError(f"{text[:40]!r} is longer than 100 years: give a shorter one.")
    return seconds


def text(seconds: float) -> str:
    """Write seconds the way `parse` reads them, largest unit first: 5400 is "1h30m"."""
    milliseconds = round(seconds * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"

"""What a counter cannot physically grow by in a second: more is a fault of the counter, and not a peak."""

from collections.abc import Mapping
from typing import Any

from appliance.metrics import ALL_CPUS, CPU_MODES, DISK_BUSY, PRESSURE_LINES, RECEIVED_BYTES, SENT_BYTES, Metric

TOLERANCE = 1.05
"""Counters are updated in ticks, and not at the moment of the sample."""
BITS_PER_BYTE = 8
SHARES_OF_TIME = frozenset({DISK_BUSY, *PRESSURE_LINES.values()})
INTERFACE_BYTES = frozenset({RECEIVED_BYTES, SENT_BYTES})


def most_per_second(metric: Metric, instance: str, cpus: int, facts: Mapping[str, Any]) -> float | None:
    """
    Return the limit of a counter's rate, in its unit a second, tolerance included; None where none is known.

    `cpus` is 0 where it is not known; the speed of an interface's link comes from the facts that a recorder gave.
    """
    most: float | None = None
    if metric in SHARES_OF_TIME:
        most = 1.0
    elif metric in CPU_MODES:
        most = float(cpus) if instance == ALL_CPUS else 1.0
    elif metric in INTERFACE_BYTES:
        link = (facts.get("interfaces") or {}).get(instance)
        speed = link.get("bits_per_second") if isinstance(link, dict) else None
        most = speed / BITS_PER_BYTE if isinstance(speed, int | float) else None
    return most * TOLERANCE if most else None

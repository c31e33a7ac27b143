"""Machines beside each other: who stands out, and whose level changed the most since the period before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from static_site.summary import Summary

COMPARED = ("CPU busy", "CPU iowait", "CPU steal", "Memory used", "wait", "received", "sent", "Waited for I/O")
LEAST_PEERS, LEAST_Z = 5, 3.5
"""Iglewicz and Hoaglin's limit for the modified z-score; fewer than five machines have no middle to speak of."""
FLOOR = {
    "CPU busy": 10.0, "CPU iowait": 5.0, "CPU steal": 2.0, "Memory used": 10.0, "wait": 0.01, "received": 8e6,
    "sent": 8e6, "Waited for I/O": 5.0,
}  # fmt: skip
"""What is closer to the middle than this is no matter, however alike the others are."""


@dataclass(frozen=True, slots=True)
class Outlier:
    machine: Summary
    metric: str
    value: float
    middle: float
    score: float


def outliers(machines: Sequence[Summary]) -> list[Outlier]:
    """Return the machines whose 95th percentile is far from the median of all, by modified z-score, farthest first."""
    found = []
    for metric in COMPARED:
        known = [(one, value) for one in machines if (value := one.numbers.get(f"{metric} p95")) is not None]
        if len(known) < LEAST_PEERS:
            continue
        values = np.array([value for _, value in known])
        middle = float(np.median(values))
        spread = float(np.median(np.abs(values - middle)))
        for one, value in known:
            # Where more than half are alike, the mean distance takes the median's place (same authors).
            scale = spread / 0.6745 if spread > 0 else 1.253314 * float(np.mean(np.abs(values - middle)))
            score = (value - middle) / scale if scale > 0 else 0.0
            if abs(score) > LEAST_Z and abs(value - middle) >= FLOOR[metric]:
                found.append(Outlier(one, metric, value, middle, score))
    return sorted(found, key=lambda one: (-abs(one.score), one.machine.machine_id))


@dataclass(frozen=True, slots=True)
class Change:
    machine: Summary
    metric: str
    before: float
    now: float


def changes(machines: Sequence[Summary]) -> list[Change]:
    """Return the 95th percentiles that changed by more than their floor, by how many floors, the largest first."""
    found = [
        Change(one, metric, before, now)
        for one in machines
        for metric in COMPARED
        if (before := one.previous.get(metric)) is not None and (now := one.numbers.get(f"{metric} p95")) is not None
        if abs(now - before) >= FLOOR[metric]
    ]
    return sorted(found, key=lambda one: (-abs(one.now - one.before) / FLOOR[one.metric], one.machine.machine_id))

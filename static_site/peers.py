"""Machines beside each other, by the metrics in which they are compared: who stands out, and what changed the most."""

from collections.abc import Sequence

from appliance.analysis import peers
from static_site.summary import Summary

FLOOR = {
    "CPU busy": 10.0, "CPU iowait": 5.0, "CPU steal": 2.0, "Memory used": 10.0, "wait": 0.01, "received": 8e6,
    "sent": 8e6, "Waited for I/O": 5.0,
}  # fmt: skip
"""What is compared; what is closer to the middle than this, or changed by less, is no matter."""


def outliers(machines: Sequence[Summary]) -> list[tuple[str, Summary, peers.Outlier]]:
    """Return (metric, machine, how far it is) of 95th percentiles that are far from the others', farthest first."""
    known = {one.slug: one for one in machines}
    found = [
        (metric, known[one.name], one)
        for metric, floor in FLOOR.items()
        for one in peers.outliers({each.slug: each.numbers.get(f"{metric} p95") for each in machines}, floor)
    ]
    return sorted(found, key=lambda one: (-abs(one[2].score), one[1].machine_id))


def changes(machines: Sequence[Summary]) -> list[tuple[str, Summary, peers.Change]]:
    """Return (metric, machine, change) of 95th percentiles that changed, by how many floors, the largest first."""
    known = {one.slug: one for one in machines}
    found = [
        (metric, known[one.name], one)
        for metric, floor in FLOOR.items()
        for one in peers.changes(
            {each.slug: each.previous.get(metric) for each in machines},
            {each.slug: each.numbers.get(f"{metric} p95") for each in machines},
            floor,
        )
    ]
    return sorted(found, key=lambda one: (-abs(one[2].difference) / FLOOR[one[0]], one[1].machine_id))

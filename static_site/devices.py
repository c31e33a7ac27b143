"""Which disks and interfaces are drawn, which only listed, and which only named: by what they are and did."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from appliance.analysis.run import Run
from appliance.metrics import (
    DISK_DISCARDS,
    DISK_READ_BYTES,
    DISK_READS,
    DISK_WRITES,
    DISK_WRITTEN_BYTES,
    RECEIVED_BYTES,
    SENT_BYTES,
    Metric,
)

MOST_DRAWN = 4
MAPPED_DISK = re.compile(r"(dm-|md)[0-9]+")
"""It lies on other disks: what it moves, they move too."""
PARTITION = re.compile(r"(?:p(?<=[0-9]p))?[0-9]+$")
"""sda1 is of sda; a name that ends in a digit takes a p between: nvme0n1p1."""
VIRTUAL_DISK = re.compile(r"(loop|ram|zram)[0-9]+")
VIRTUAL_INTERFACE = re.compile(r"lo|veth.*")


@dataclass(frozen=True, slots=True)
class Devices:
    """All that a machine has, by traffic, the busiest first."""

    drawn: list[str]
    listed: list[str]
    """The drawn ones are among them."""
    named: list[str]
    """Devices that did nothing."""
    active: list[str]
    """Those that did something, virtual ones among them."""


def disks(run: Run) -> Devices:
    every = run.instances(DISK_READS)
    moved = sums(run, every, DISK_READ_BYTES, DISK_WRITTEN_BYTES)
    requests = sums(run, every, DISK_READS, DISK_WRITES, DISK_DISCARDS)
    active = sorted((disk for disk in every if requests[disk] > 0), key=lambda disk: -moved[disk])
    listed = [disk for disk in active if not VIRTUAL_DISK.fullmatch(disk)]
    whole = [disk for disk in listed if parent(disk, every) is None]
    return Devices(whole[:MOST_DRAWN], listed, [disk for disk in every if disk not in listed], active)


def interfaces(run: Run) -> Devices:
    every = run.instances(RECEIVED_BYTES)
    moved = sums(run, every, RECEIVED_BYTES, SENT_BYTES)
    listed = sorted(every, key=lambda name: -moved[name])
    active = [name for name in listed if moved[name] > 0]
    real = [name for name in active if not VIRTUAL_INTERFACE.fullmatch(name)]
    return Devices(real[:MOST_DRAWN], listed, [], active)


def parent(disk: str, every: Sequence[str]) -> str | None:
    """Return the disk that a partition is of, if it is among them."""
    whole = PARTITION.sub("", disk)
    return whole if whole != disk and whole in every else None


def sums(run: Run, instances: Sequence[str], *metrics: Metric) -> pd.Series:
    """Return what some counters of each instance grew by in the whole run, together; 0 where nothing is known."""
    total = pd.Series(0.0, index=list(instances))
    for metric in metrics:
        total = total.add(run.totals(metric).astype("float64"), fill_value=0)
    return total

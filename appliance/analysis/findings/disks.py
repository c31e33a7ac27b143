"""Which disks the rules look at: whole ones that did something, each piece of work once."""

import re

from appliance.analysis.run import Run
from appliance.metrics import DISK_READS

PARTITION = re.compile(r"(?:p(?<=[0-9]p))?[0-9]+$")
"""sda1 is of sda; a name that ends in a digit takes a p between: nvme0n1p1."""
VIRTUAL = re.compile(r"(loop|ram|zram|fd|sr|dm-|md)[0-9]+")
"""Their work is done by others, or by none; dm and md stand on disks that are counted themselves."""


def whole_disks(run: Run) -> list[str]:
    """Return the disks that are no partition and stand on no other."""
    every = run.instances(DISK_READS)
    real = [disk for disk in every if not VIRTUAL.fullmatch(disk)]
    return [disk for disk in real if (whole := PARTITION.sub("", disk)) == disk or whole not in every]

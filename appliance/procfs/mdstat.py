"""/proc/mdstat: the state of software RAID arrays."""

import re
from collections.abc import Iterator

from appliance.hardware_metrics import ARRAY_ACTIVE, ARRAY_DISKS, ARRAY_DISKS_FAILED, ARRAY_DISKS_WORKING
from appliance.procfs import Value

ARRAY = re.compile(r"(\S+) : (active|inactive)\b(.*)")
WANTED_WORKING = re.compile(r"\[(\d+)/(\d+)\]")


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "md0 : active raid1 sdb1[1] sda1[0](F)" and below it "1046528 blocks [2/1] [_U]"."""
    array = ""
    for line in text.splitlines():
        if found := ARRAY.fullmatch(line):
            array = found[1]
            yield Value(ARRAY_ACTIVE, array, int(found[2] == "active"))
            yield Value(ARRAY_DISKS_FAILED, array, found[3].count("(F)"))
        # A line further down may tell of a recovery: only the first has the disks.
        elif array and (disks := WANTED_WORKING.search(line)):
            yield Value(ARRAY_DISKS, array, int(disks[1]))
            yield Value(ARRAY_DISKS_WORKING, array, int(disks[2]))
            array = ""

"""/proc/diskstats: requests, bytes and time of each disk and partition."""

from collections.abc import Iterator

from appliance.metrics import DISK_DISCARDED_BYTES, DISK_FIELDS, DISK_READ_BYTES, DISK_WRITTEN_BYTES, SECTOR_BYTES
from appliance.procfs import Value

SECTORS = {DISK_READ_BYTES, DISK_WRITTEN_BYTES, DISK_DISCARDED_BYTES}


def parse(text: str) -> Iterator[Value]:
    """Kernels before 4.18 print 11 fields after the name, before 5.5 15: what is not there is not collected."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 14:
            if fields:
                raise ValueError(f"a line of {len(fields)} fields, where 14 or more are expected")
            continue
        for metric, number in zip(DISK_FIELDS, fields[3:], strict=False):
            yield Value(metric, fields[2], int(number) * (SECTOR_BYTES if metric in SECTORS else 1))

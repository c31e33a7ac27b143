"""/proc/vmstat: paging, swapping, reclaim and out-of-memory kills."""

from collections.abc import Iterator

from appliance.metrics import PAGED_IN, PAGED_OUT, PAGING_FIELDS
from appliance.procfs import Value

KIBIBYTES = {PAGED_IN, PAGED_OUT}


def parse(text: str) -> Iterator[Value]:
    for line in text.splitlines():
        field, _, number = line.partition(" ")
        metric = PAGING_FIELDS.get(field)
        if metric is not None:
            yield Value(metric, "", int(number) * (1024 if metric in KIBIBYTES else 1))

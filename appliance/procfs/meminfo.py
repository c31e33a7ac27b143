"""/proc/meminfo: what memory is used for."""

from collections.abc import Iterator

from appliance.metrics import MEMORY_FIELDS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The kernel counts kB, which are KiB, except for the number of huge pages."""
    for line in text.splitlines():
        field, _, rest = line.partition(":")
        metric = MEMORY_FIELDS.get(field)
        if metric is not None:
            number, _, unit = rest.strip().partition(" ")
            yield Value(metric, "", int(number) * (1024 if unit == "kB" else 1))

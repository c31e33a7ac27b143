"""/proc/net/dev: what each network interface received and sent."""

from collections.abc import Iterator

from appliance.metrics import NETWORK_FIELDS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """An interface's name may hold a colon (an alias), and wide numbers stand right behind the last one."""
    for line in text.splitlines():
        name, colon, rest = line.rpartition(":")
        if colon and "|" not in line:
            for metric, number in zip(NETWORK_FIELDS, rest.split(), strict=False):
                yield Value(metric, name.strip(), int(number))

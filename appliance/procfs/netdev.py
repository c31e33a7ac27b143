"""/proc/net/dev: what each network interface received and sent."""

from collections.abc import Iterator

from appliance.metrics import NETWORK_FIELDS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """
    A line of the heading has no colon. An interface's name may hold one (an alias), and anything but white space and a
    slash, also what Python takes for the end of a line; wide numbers stand right behind the last colon.
    """
    for line in text.split("\n"):
        name, colon, rest = line.rpartition(":")
        if colon:
            for metric, number in zip(NETWORK_FIELDS, rest.split(), strict=False):
                yield Value(metric, name.strip(" "), int(number))

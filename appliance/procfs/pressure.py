"""Pressure stall information: time that tasks spent waiting for a resource."""

from collections.abc import Iterator

from appliance.metrics import PRESSURE_LINES
from appliance.procfs import Parser, Value


def parser(resource: str) -> Parser:
    """Return the parser of /proc/pressure/RESOURCE."""

    def parse(text: str) -> Iterator[Value]:
        """The kernel counts microseconds: "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234"."""
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            metric = PRESSURE_LINES.get((resource, kind))
            if metric is not None:
                yield Value(metric, "", int(rest.rpartition("total=")[2]))

    return parse

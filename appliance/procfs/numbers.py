"""Files of the kernel that hold nothing but a few numbers: open files, hung tasks, connections followed."""

from collections.abc import Iterator

from appliance.hardware_metrics import FILES_MAX, FILES_OPEN
from appliance.metrics import Metric
from appliance.procfs import Parser, Value

NO_LIMIT = 2**63 - 1
"""What systemd sets where nothing is meant to be a limit."""


def parser(metric: Metric) -> Parser:
    """Return the parser of a file that has one number."""

    def parse(text: str) -> Iterator[Value]:
        yield Value(metric, "", int(text))

    return parse


def file_handles(text: str) -> Iterator[Value]:
    """The kernel prints "2196\\t0\\t2466165": open, always 0, at most."""
    opened, _, most = text.split()
    yield Value(FILES_OPEN, "", int(opened))
    if int(most) < NO_LIMIT:
        yield Value(FILES_MAX, "", int(most))

"""Text of one source -> values: a module for each, whose `parse` takes the text as the kernel wrote it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from appliance.metrics import Metric


class Value(NamedTuple):
    metric: Metric
    instance: str
    """Which cpu, disk, interface ...; empty for the machine as a whole."""
    number: int


Parser = Callable[[str], Iterator[Value]]

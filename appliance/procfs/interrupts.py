"""/proc/interrupts and /proc/softirqs: how often each interrupt line and each deferred kind was served, per CPU."""

from collections.abc import Iterator

from appliance.hardware_metrics import INTERRUPT_LINE, SOFTIRQ_KIND
from appliance.metrics import Metric
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    return summed(text, INTERRUPT_LINE)


def parse_deferred(text: str) -> Iterator[Value]:
    return summed(text, SOFTIRQ_KIND)


def summed(text: str, metric: Metric) -> Iterator[Value]:
    """
    Give the sum over all CPUs, each of which has a column.

    A line is called by its device where it has one ("36 virtio1-req.0"), else by its kind ("LOC").
    """
    header, *lines = text.splitlines() or [""]
    cpus = len(header.split())
    for line in lines:
        name, colon, rest = line.partition(":")
        words = rest.split()
        numbers = [word for word in words[:cpus] if word.isdecimal()]
        if colon and numbers:
            device = words[-1] if name.strip().isdecimal() and len(words) > cpus else ""
            yield Value(metric, f"{name.strip()} {device}".strip(), sum(map(int, numbers)))

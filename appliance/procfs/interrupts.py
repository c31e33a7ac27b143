"""/proc/interrupts: how often each interrupt line was served, a column per CPU."""

from collections.abc import Iterator

from appliance.hardware_metrics import INTERRUPT_LINE
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """A line is called by its device where it has one ("36 virtio1-req.0"), else by its kind ("LOC")."""
    header, *lines = text.splitlines() or [""]
    cpus = len(header.split())
    for line in lines:
        name, colon, rest = line.partition(":")
        words = rest.split()
        numbers = [word for word in words[:cpus] if word.isdecimal()]
        if colon and numbers:
            device = words[-1] if name.strip().isdecimal() and len(words) > cpus else ""
            yield Value(INTERRUPT_LINE, f"{name.strip()} {device}".strip(), sum(map(int, numbers)))

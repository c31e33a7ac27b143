"""/proc/net/softnet_stat: packets that waited for a CPU, a line of hexadecimal numbers for each."""

from collections.abc import Iterator

from appliance.procfs import Value
from appliance.protocol_metrics import SOFTNET_FIELDS

CPU_FIELD = 12


def parse(text: str) -> Iterator[Value]:
    """Only since 5.10 does a line say whose it is; before, the lines of CPUs that are off are not there either."""
    for number, line in enumerate(text.splitlines()):
        fields = line.split()
        cpu = int(fields[CPU_FIELD], 16) if len(fields) > CPU_FIELD else number
        for field, metric in SOFTNET_FIELDS.items():
            if field < len(fields):
                yield Value(metric, str(cpu), int(fields[field], 16))

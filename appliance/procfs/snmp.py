"""/proc/net/snmp and /proc/net/netstat: counters of TCP and UDP, a line of names and a line of numbers for each."""

from collections.abc import Iterator
from itertools import pairwise

from appliance.procfs import Value
from appliance.protocol_metrics import PROTOCOL_FIELDS


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "Tcp: RtoMin ActiveOpens\\nTcp: 200 17\\n"; which fields there are depends on its version."""
    for names, numbers in pairwise(text.splitlines()):
        protocol, _, fields = names.partition(":")
        same, _, values = numbers.partition(":")
        # A line of numbers and the next line of names have different protocols.
        if protocol == same:
            for field, number in zip(fields.split(), values.split(), strict=False):
                metric = PROTOCOL_FIELDS.get((protocol, field))
                if metric is not None:
                    yield Value(metric, "", int(number))

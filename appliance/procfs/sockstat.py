"""/proc/net/sockstat and sockstat6: sockets in use, by protocol."""

from collections.abc import Iterator

from appliance.procfs import Value
from appliance.protocol_metrics import SOCKET_FIELDS


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0"."""
    for line in text.splitlines():
        section, _, rest = line.partition(":")
        words = rest.split()
        for field, number in zip(words[::2], words[1::2], strict=False):
            metric = SOCKET_FIELDS.get((section, field))
            if metric is not None:
                yield Value(metric, "", int(number))

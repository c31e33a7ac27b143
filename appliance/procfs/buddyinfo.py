"""/proc/buddyinfo: free pieces of memory by node, zone and size."""

from collections.abc import Iterator

from appliance.hardware_metrics import FREE_BLOCKS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "Node 0, zone   Normal   8 3 ...": pieces of one page, two pages, four ..."""
    for line in text.splitlines():
        words = line.replace(",", " ").split()
        if len(words) > 4 and (words[0], words[2]) == ("Node", "zone"):
            for order, number in enumerate(words[4:]):
                yield Value(FREE_BLOCKS, f"{words[1]} {words[3]} {order}", int(number))

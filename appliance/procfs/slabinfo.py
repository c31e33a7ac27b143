"""/proc/slabinfo: what the kernel keeps objects in, a line for each kind of object."""

from collections.abc import Iterator

from appliance.hardware_metrics import SLAB_BYTES, SLAB_OBJECTS
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "dentry  4500 5040 192 21 1": name, objects used, objects there is room for, their size."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[0] != "#" and not line.startswith("slabinfo"):
            yield Value(SLAB_OBJECTS, words[0], int(words[1]))
            yield Value(SLAB_BYTES, words[0], int(words[2]) * int(words[3]))

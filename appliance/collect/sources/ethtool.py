"""
ethtool[*], by option: errors and drops that the drivers of network cards count, and limits of a cloud instance.

Each driver has its own names, up to thousands of them. Those that sound like a loss are recorded, and names that differ
only in the number of a queue are summed up under one, as in "rx_queue_*_drops".
"""

import errno
import fcntl
import re
import socket
import struct
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source
from appliance.collect.sources.sysfs import records

SIOCETHTOOL = 0x8946
GET_DRIVER, GET_STRINGS, GET_STATISTICS = 0x03, 0x1B, 0x1D
STATISTICS_SET = 1
REQUEST = struct.Struct("16sP24x")
"""struct ifreq: the interface and where the question lies."""
DRIVER_BYTES, DRIVER_NAME, DRIVER_COUNT = 196, slice(4, 36), 180
"""struct ethtool_drvinfo: its size, where the driver's name is, and where how many counters there are."""
NAME_BYTES, NUMBER_BYTES = 32, 8
SPARE_COUNTERS = 4096
"""Room for queues that are added between two questions: the kernel writes as many as there are then."""
MOST_COUNTERS = 64
"""Of an interface, after summing up."""
LOSS = re.compile(
    r"(?<!int)err|drop|discard|(?<!trans)miss|timeout|crc|fail|overrun|overflow|fifo|lost|bad|no_?buf|out_of_|collision"
    r"|jabber|undersize|oversize|stall|queue_full|ring_full|allowance|reset",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d+")
LARGEST = 2**63 - 1


def source(root: str) -> Source:
    return records("ethtool[*]", root, "class/net", cards)


def cards(place: Path) -> Iterator[dict[str, Any]]:
    """Give what is lost on each interface that has a device; raise OSError where no driver counts anything."""
    said: OSError | None = None
    silent = True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for folder in sorted((place / "class/net").iterdir()):
            if not (folder / "device").exists():
                continue
            try:
                driver, counters = ask(asked, folder.name)
            except OSError as error:
                # It went away just now, or its driver counts nothing.
                said = error
                continue
            if chosen := losses(counters):
                silent = False
                yield {"name": folder.name, "driver": driver, "counters": chosen}
    if silent:
        if said is not None and said.errno not in {errno.EOPNOTSUPP, errno.ENODEV}:
            raise said
        raise FileNotFoundError(2, "no network driver here counts errors of its own")


def ask(asked: socket.socket, interface: str) -> tuple[str, list[tuple[str, int]]]:
    """Return the name of an interface's driver, and all its counters in the driver's order."""
    about = question(asked, interface, struct.pack("I", GET_DRIVER), DRIVER_BYTES)
    (count,) = struct.unpack_from("I", about, DRIVER_COUNT)
    room = count + SPARE_COUNTERS
    names = question(
        asked, interface, struct.pack("3I", GET_STRINGS, STATISTICS_SET, count), 12 + room * NAME_BYTES
    )  # fmt: skip
    numbers = question(asked, interface, struct.pack("2I", GET_STATISTICS, count), 8 + room * NUMBER_BYTES)
    return about[DRIVER_NAME].partition(b"\0")[0].decode("ascii", "backslashreplace"), counters_of(names, numbers)


def question(asked: socket.socket, interface: str, head: bytes, size: int) -> bytes:
    answer = array("B", head.ljust(size, b"\0"))
    fcntl.ioctl(asked, SIOCETHTOOL, REQUEST.pack(interface.encode(), answer.buffer_info()[0]))
    return answer.tobytes()


def counters_of(names: bytes, numbers: bytes) -> list[tuple[str, int]]:
    """Put together struct ethtool_gstrings and struct ethtool_stats; raise ValueError where they do not belong so."""
    (named,), (counted,) = struct.unpack_from("8xI", names), struct.unpack_from("4xI", numbers)
    if named != counted:
        raise ValueError("the driver's counters changed while they were read")
    texts = [names[12 + at * NAME_BYTES :][:NAME_BYTES].partition(b"\0")[0] for at in range(named)]
    return [
        (text.decode("ascii", "backslashreplace").strip(), number)
        for text, number in zip(texts, struct.unpack_from(f"{counted}Q", numbers, 8), strict=True)
    ]


def losses(counters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Choose and sum up: a name keeps its number where there is no other that differs only in that."""
    # A driver says with all bits set that it does not know.
    chosen = [(name, number) for name, number in counters if LOSS.search(name) and number <= LARGEST]
    alike = Counter(NUMBER.sub("*", name) for name, _ in chosen)
    sums: dict[str, int] = {}
    for name, number in chosen:
        summed = NUMBER.sub("*", name)
        called = summed if alike[summed] > 1 else name
        if called in sums or len(sums) < MOST_COUNTERS:
            sums[called] = sums.get(called, 0) + number
    return sums

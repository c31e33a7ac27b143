"""
nfs[*], by option: what each NFS mount asked of its server, and how long it waited, one JSON object a line.

From /proc/self/mountstats, which tells of a mount without asking its server. A line of a request has, after its name:
requests, transmissions, major timeouts, bytes sent, bytes received, and milliseconds in the queue, until the answer and
in all; since version 1.1 errors too. The sixty kinds of request are summed up: reads, writes, and all others.
"""

import json
from collections.abc import Iterable

from appliance.collect.mounts import readable, unescaped
from appliance.collect.sources import Source, reader

KINDS = {"nfs", "nfs4"}
KEYS = (
    "requests", "retransmissions", "timeouts", "sent_bytes", "received_bytes", "queue_ms", "response_ms", "execute_ms",
    "errors",
)  # fmt: skip
"""In the order of the numbers of a line; the second of those counts the first sending too."""
KEYS_1_0 = 8
"""How many there are in version 1.0."""


def source(root: str) -> Source:
    read_file = reader(f"{root}/self/mountstats", long_lines=True)
    mounted = False

    def read() -> str | None:
        nonlocal mounted
        records = mounts(read_file().splitlines())
        if not records and not mounted:
            raise FileNotFoundError(2, "no NFS file system is mounted")
        # One that was mounted and is no more is no failure.
        mounted = True
        return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records) or None

    return Source("nfs[*]", read)


def mounts(lines: Iterable[str]) -> list[dict[str, str | int]]:
    """Return the record of each NFS mount; of two on one point, that of the later one, which hides the other."""
    found: dict[str, list[str]] = {}
    section: list[str] | None = None
    for line in lines:
        if line.startswith(("device ", "no device ")):
            words = line.removeprefix("no ").split()
            # "device server:/export mounted on /mnt with fstype nfs4 statvers=1.1"
            section = None
            if words[-1].startswith("statvers=") and words[-2] in KINDS:
                section = found[readable(unescaped(words[words.index("on") + 1]))] = []
        elif section is not None:
            section.append(line)
    return [{"mount_point": point, **sums(section)} for point, section in found.items()]


def sums(section: Iterable[str]) -> dict[str, int]:
    """Add up the lines of requests, which come last, below a heading."""
    totals: dict[str, int] = {}
    requests = False
    for line in section:
        name, _, rest = line.strip().partition(":")
        if name == "per-op statistics":
            requests = True
        elif requests and rest:
            numbers = [int(word) for word in rest.split()]
            if len(numbers) < KEYS_1_0:
                raise ValueError(f"the line of {name} has fewer than {KEYS_1_0} numbers")
            numbers[1] -= numbers[0]
            kind = name.lower() if name in {"READ", "WRITE"} else "other"
            for key, number in zip(KEYS, numbers, strict=False):
                totals[f"{kind}_{key}"] = totals.get(f"{kind}_{key}", 0) + number
    return totals

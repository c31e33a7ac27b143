"""TCP connections by state, by option: the kernel lists every connection, and only their number is recorded."""

import json
from collections import Counter

from appliance.collect.sources import Source, reader

STATES = (
    "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack",
    "listen", "closing", "new_syn_recv",
)  # fmt: skip
"""In the order of the kernel's numbers, which begin with 1."""
STATE_FIELD = 3


def source(root: str) -> Source:
    files = [reader(f"{root}/net/tcp"), reader(f"{root}/net/tcp6")]

    def read() -> str:
        numbers: Counter[int] = Counter()
        for number, read_file in enumerate(files):
            try:
                lines = read_file().splitlines()[1:]
            except FileNotFoundError:
                # A kernel may have no IPv6.
                if not number:
                    raise
                continue
            numbers.update(int(line.split(None, STATE_FIELD + 1)[STATE_FIELD], 16) for line in lines)
        return json.dumps({STATES[number - 1]: count for number, count in sorted(numbers.items())}) + "\n"

    return Source("tcp_states[*]", read)

"""perfanalysis[self]: what recording costs, and what was not recorded, as sums: to tell them seldom loses nothing."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from appliance.collect.sources import reader

SUBSYSTEM = "perfanalysis[self]"
SECONDS, SOURCES_SECONDS = 10, 60
"""How often to tell, and how often in full: the time of every source is long and changes always."""

Extra = Callable[[], Mapping[str, int]]
"""Gives further numbers to tell, by key: of the sender, for example."""


class Own:
    def __init__(self, root: str, extra: Extra = dict, clock: Callable[[], float] = time.monotonic) -> None:
        self.extra, self.clock = extra, clock
        self.statm = reader(f"{root}/self/statm")
        self.io = reader(f"{root}/self/io")
        self.page_bytes = os.sysconf("SC_PAGE_SIZE")
        self.spent_ns: dict[str, int] = {}
        """Time that reading each source took."""
        self.due = self.sources_due = float("-inf")

    def again(self) -> None:
        self.due = self.sources_due = float("-inf")

    def tell(self, counts: Mapping[str, int], unread: Mapping[str, int]) -> str | None:
        """Return the record, with the loop's counts and the readings lost by source; None where it is too early."""
        now = self.clock()
        if now < self.due:
            return None
        self.due = now + SECONDS
        record: dict[str, Any] = {"cpu_us": time.process_time_ns() // 1000}
        # A recorded /proc knows nothing of us.
        with suppress(OSError, ValueError, IndexError):
            record["resident_bytes"] = int(self.statm().split()[1]) * self.page_bytes
        with suppress(OSError, ValueError, IndexError):
            # "rchar: N", wchar, syscr, syscw, read_bytes, write_bytes, cancelled_write_bytes.
            words = self.io().split()
            record |= {"read_bytes": int(words[9]), "written_bytes": int(words[11])}
        record |= {**counts, **self.extra()}
        if now >= self.sources_due:
            self.sources_due = now + SOURCES_SECONDS
            record["sources"] = {
                source: {"ns": spent, **({"unread": unread[source]} if source in unread else {})}
                for source, spent in self.spent_ns.items()
            }
        return json.dumps(record, separators=(",", ":")) + "\n"

"""/proc/vmstat: paging, swapping, reclaim and out-of-memory kills; of its 200 lines those that a metric is made of."""

from collections.abc import Collection

from appliance.collect.sources import Source, reader

KEPT = (
    "pswpin", "pswpout", "pgpgin", "pgpgout", "pgfault", "pgmajfault",
    "pgscan_kswapd", "pgscan_direct", "pgscan_khugepaged", "pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged",
    "allocstall", "allocstall_dma", "allocstall_dma32", "allocstall_normal", "allocstall_movable", "allocstall_device",
    "workingset_refault_anon", "workingset_refault_file", "oom_kill", "compact_stall", "drop_pagecache",
    "numa_pages_migrated", "zswpin", "zswpout",
)  # fmt: skip
BY_OPTION = (
    "compact_fail", "compact_success", "compact_migrate_scanned", "compact_daemon_wake", "thp_fault_alloc",
    "thp_fault_fallback", "thp_collapse_alloc", "thp_split_page",
)  # fmt: skip


def source(root: str) -> Source:
    return lines_of(root, frozenset(KEPT))


def compaction(root: str) -> Source:
    return lines_of(root, frozenset(BY_OPTION))


def lines_of(root: str, fields: Collection[str]) -> Source:
    read = reader(f"{root}/vmstat")
    wanted: list[tuple[int, str]] = []

    def chosen() -> str:
        nonlocal wanted
        lines = read().split("\n")
        # Where a line is does not change while a kernel runs: to look costs a tenth of searching.
        if not wanted or any(at >= len(lines) or not lines[at].startswith(start) for at, start in wanted):
            wanted = [(at, field + " ") for at, line in enumerate(lines) if (field := line.partition(" ")[0]) in fields]
        if not wanted:
            raise ValueError("it has none of the fields that are recorded")
        return "\n".join([lines[at] for at, _ in wanted]) + "\n"

    return Source("/proc/vmstat", chosen)

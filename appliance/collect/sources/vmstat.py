"""/proc/vmstat: paging, swapping, reclaim and out-of-memory kills; of its 200 lines those that a metric is made of."""

from collections.abc import Collection, Sequence

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
    """Further lines of the same file: by a name of its own, so that a kernel that has none of them costs only these."""
    source = lines_of(root, frozenset(BY_OPTION))
    return Source("compaction[*]", lambda: {source.subsystem: str(source.read())})


def lines_of(root: str, fields: Collection[str]) -> Source:
    read = reader(f"{root}/vmstat")
    wanted: list[str] = []

    def chosen() -> str:
        nonlocal wanted
        text = f"\n{read()}\n"
        # Which lines there are, and in what order, does not change while a kernel runs.
        found = picked(text, wanted)
        if not found:
            wanted = [f"\n{field} " for line in text.splitlines() if (field := line.partition(" ")[0]) in fields]
            found = picked(text, wanted)
        if not found:
            raise ValueError("it has none of the fields that are recorded")
        return "".join(found)[1:] + "\n"

    return Source("/proc/vmstat", chosen)


def picked(text: str, starts: Sequence[str]) -> list[str]:
    """Return the lines that start so, each with the line feed before it, in this order; none where one is missing."""
    found, end = [], 0
    for start in starts:
        if (at := text.find(start, end)) < 0:
            return []
        end = text.index("\n", at + 1)
        found.append(text[at:end])
    return found

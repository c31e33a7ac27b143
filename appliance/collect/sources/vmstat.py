"""/proc/vmstat: paging, swapping, reclaim and out-of-memory kills."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "vmstat")

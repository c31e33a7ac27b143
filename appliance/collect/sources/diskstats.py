"""/proc/diskstats: requests, bytes and time of each disk and partition."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "diskstats")

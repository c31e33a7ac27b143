"""/proc/uptime: time since the start, on a clock that nobody sets."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "uptime")

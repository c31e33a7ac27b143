"""/proc/meminfo: how memory is used."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "meminfo")

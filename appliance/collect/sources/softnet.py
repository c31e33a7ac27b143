"""/proc/net/softnet_stat: packets that waited for a CPU."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "net/softnet_stat")

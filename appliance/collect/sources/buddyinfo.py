"""/proc/buddyinfo, by option: free pieces of memory by size."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "buddyinfo")

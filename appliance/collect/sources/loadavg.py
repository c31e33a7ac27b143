"""/proc/loadavg: tasks that run or wait, as averages."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "loadavg")

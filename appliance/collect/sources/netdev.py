"""/proc/net/dev: what each network interface received and sent."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "net/dev")

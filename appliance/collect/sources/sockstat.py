"""/proc/net/sockstat and sockstat6: sockets in use."""

from appliance.collect.sources import Source, whole_file


def ipv4(root: str) -> Source:
    return whole_file(root, "net/sockstat")


def ipv6(root: str) -> Source:
    return whole_file(root, "net/sockstat6")

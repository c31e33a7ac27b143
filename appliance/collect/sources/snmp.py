"""/proc/net/snmp and /proc/net/netstat: counters of TCP and UDP; of 160 fields those that a metric is made of."""

from collections.abc import Collection, Mapping
from itertools import pairwise

from appliance.collect.sources import Source, reader

KEPT: dict[str, frozenset[str]] = {
    "Tcp": frozenset({
        "ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab", "InSegs", "OutSegs", "RetransSegs",
        "InErrs", "OutRsts", "InCsumErrors",
    }),
    "Udp": frozenset({
        "InDatagrams", "OutDatagrams", "NoPorts", "InErrors", "RcvbufErrors", "SndbufErrors", "InCsumErrors",
    }),
    "TcpExt": frozenset({
        "ListenOverflows", "ListenDrops", "TCPSynRetrans", "TCPTimeouts", "TCPReqQFullDrop", "TCPReqQFullDoCookies",
        "SyncookiesSent", "SyncookiesFailed", "TCPBacklogDrop", "TCPRcvQDrop", "TCPOFOQueue", "PruneCalled",
        "TCPMemoryPressures", "TCPAbortOnMemory", "TCPLostRetransmit",
    }),
}  # fmt: skip


def snmp(root: str) -> Source:
    return fields_of(root, "net/snmp", KEPT)


def netstat(root: str) -> Source:
    return fields_of(root, "net/netstat", KEPT)


def fields_of(root: str, name: str, kept: Mapping[str, Collection[str]]) -> Source:
    """Record the kept fields of the kept protocols, in the form that the file has."""
    read = reader(f"{root}/{name}")
    places: dict[str, tuple[list[int], str]] = {}
    """For a line of names: which of its words are kept, and the line that is left of it."""

    def place(names: str) -> tuple[list[int], str]:
        protocol, *fields = names.split(" ")
        at = [number for number, field in enumerate(fields, 1) if field in kept[protocol[:-1]]]
        return at, " ".join([protocol, *(fields[number - 1] for number in at)])

    def chosen() -> str:
        lines = []
        for names, numbers in pairwise(read().split("\n")):
            protocol = numbers[: numbers.find(":") + 1]
            if protocol[:-1] in kept and names.startswith(protocol):
                if names not in places:
                    places[names] = place(names)
                at, left = places[names]
                words = numbers.split(" ")
                lines += [left, " ".join([protocol, *[words[number] for number in at]])]
        if not lines:
            raise ValueError("it has none of the fields that are recorded")
        return "\n".join(lines) + "\n"

    return Source(f"/proc/{name}", chosen)

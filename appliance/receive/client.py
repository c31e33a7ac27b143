"""Whom a request comes from: the other end of its connection, or whom a proxy that is trusted says it comes from."""

import ipaddress
from collections.abc import Mapping, MutableMapping, Sequence
from typing import NamedTuple

from appliance.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""The address of everyone who comes by a unix socket, and the name by which that may be trusted."""
FORWARDED = (
    "X_FORWARDED_FOR",
    "X_FORWARDED_PROTO",
    "X_FORWARDED_HOST",
    "X_FORWARDED_PORT",
    "X_FORWARDED_BY",
    "FORWARDED",
)
SCHEMES = ("http", "https")


class Client(NamedTuple):
    address: str
    scheme: str | None
    """What the client speaks to the proxy: http, https, or None where that is not known."""
    local: bool
    """On this machine, and nothing says that it asks for someone else."""


class Proxies:
    """The proxies that are believed."""

    def __init__(self, named: Sequence[str] = ()) -> None:
        """`named` are addresses, networks or "unix"; raises UsageError."""
        self.unix = UNIX in named
        self.networks = [network(name) for name in named if name != UNIX]

    def trusts(self, address: str) -> bool:
        if address == UNIX or not self.networks:
            return self.unix and address == UNIX
        found = parsed(address)
        return found is not None and any(found in network for network in self.networks)

    def client(self, address: str, headers: MutableMapping[str, str]) -> Client:
        """Return whom a request is from, and take out of its headers what proxies write."""
        said = {name: value for name in FORWARDED if (value := headers.pop(name, None)) is not None}
        if self.trusts(address):
            return self.forwarded(address, said)
        return Client(address, None, is_local(address) and not said)

    def forwarded(self, address: str, said: Mapping[str, str]) -> Client:
        scheme = said.get("X_FORWARDED_PROTO", "").strip().lower()
        # Each proxy writes at the end whom it was asked by; what is before the last one that is trusted, anyone wrote.
        for hop in reversed(said.get("X_FORWARDED_FOR", "").split(",")):
            found = parsed(hop.strip().removeprefix("[").removesuffix("]"))
            if found is None:
                break
            address = str(found)
            if not self.trusts(address):
                break
        return Client(address, scheme if scheme in SCHEMES else None, local=False)


def is_local(address: str) -> bool:
    return address in (UNIX, "::1") or address.startswith(("127.", "::ffff:127."))


def who(address: str) -> str:
    """Return the name under which an address is counted: of IPv6 a customer has 2^64."""
    if ":" not in address:
        return address
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return address if found is None else str(found)


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # An address of one link has its interface after a %.
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network(name: str) -> Network:
    try:
        return ipaddress.ip_network(name)
    except ValueError:
        raise UsageError(
            f"{name[:80]!r} is not the address of a proxy: write it like 127.0.0.1, 10.0.0.0/24, ::1 or unix."
        ) from None

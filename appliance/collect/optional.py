"""The sources that are recorded only when they are named, because they cost more than most need to pay."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.collect.sources import Source

SOURCES = "appliance.collect.sources"
"""Where their modules are."""
OPTIONAL: dict[str, tuple[tuple[str, str], ...]] = {
    "interrupts": (("interrupts", "source"),),
    "softirqs": (("interrupts", "deferred"),),
    "compaction": (("vmstat", "compaction"),),
    "buddyinfo": (("buddyinfo", "source"),),
    "slabinfo": (("slabinfo", "source"),),
    "tcp-states": (("tcp_states", "source"),),
    "rapl": (("rapl", "source"),),
    "battery": (("power_supply", "source"),),
    "gpu": (("gpu", "source"), ("nvidia", "source")),
    "block-delay": (("block_delay", "source"),),
    "network-filesystems": (("statfs", "network"), ("filesystems", "network")),
    "nfs": (("nfs", "source"),),
    "ethtool": (("ethtool", "source"),),
    "nvme": (("nvme", "source"),),
    "systemd-units": (("systemd_units", "source"),),
}
"""Module and function of each: only what is named is loaded, because a module costs memory."""
MODULES = sorted({f"{SOURCES}.{module}" for parts in OPTIONAL.values() for module, _ in parts})
"""What a frozen program must be told of, because nothing imports it."""


def makers(name: str) -> "list[Callable[[str], Source]]":
    """Load what an option names; each maker makes its source from the place of /proc."""
    return [getattr(import_module(f"{SOURCES}.{module}"), function) for module, function in OPTIONAL[name]]

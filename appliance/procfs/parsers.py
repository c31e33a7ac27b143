"""Which parser reads which subsystem, in reading order: a test checks that every module here is on the list."""

from appliance import cgroup_metrics, metrics, process_metrics
from appliance.metrics import Group
from appliance.procfs import (
    Parser,
    cgroups,
    container,
    diskstats,
    loadavg,
    meminfo,
    netdev,
    pressure,
    processes,
    stat,
    statfs,
    uptime,
    vmstat,
)

PARSERS: list[tuple[str, Group, Parser]] = [
    (metrics.STAT, Group.CPU, stat.parse),
    (metrics.MEMINFO, Group.MEMORY, meminfo.parse),
    (metrics.NETDEV, Group.NETWORK, netdev.parse),
    (metrics.DISKSTATS, Group.DISK, diskstats.parse),
    (metrics.STATFS, Group.FILESYSTEM, statfs.parse),
    (metrics.VMSTAT, Group.PAGING, vmstat.parse),
    (metrics.LOADAVG, Group.LOAD, loadavg.parse),
    (metrics.UPTIME, Group.UPTIME, uptime.parse),
    *((path, Group.PRESSURE, pressure.parser(resource)) for resource, path in metrics.PRESSURE.items()),
    (metrics.CONTAINER, Group.CONTAINER, container.parse),
    (process_metrics.PROCESSES, Group.PROCESS, processes.parse),
    (cgroup_metrics.CGROUPS, Group.CGROUP, cgroups.parse),
]
"""(subsystem, group, parser); a subsystem that ends in "/" stands for all that begin with it."""

BY_SUBSYSTEM = {subsystem: (group, parse) for subsystem, group, parse in PARSERS if not subsystem.endswith("/")}
BY_PREFIX = [(subsystem, group, parse) for subsystem, group, parse in PARSERS if subsystem.endswith("/")]


def find(subsystem: str) -> tuple[Group, Parser] | None:
    """Return what a subsystem's values belong to and its parser, or None for one that we do not know."""
    known = BY_SUBSYSTEM.get(subsystem)
    if known is None:
        known = next(((group, parse) for prefix, group, parse in BY_PREFIX if subsystem.startswith(prefix)), None)
    return known

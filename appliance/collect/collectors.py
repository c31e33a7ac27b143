"""What a sample is made of, in the order of a recording: a test checks that every source is on the list."""

from collections.abc import Callable

from appliance.collect.sources import (
    Source,
    cgroups,
    cpuinfo,
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

COLLECTORS: list[Callable[[str], Source]] = [
    cpuinfo.source,
    stat.source,
    meminfo.source,
    netdev.source,
    diskstats.source,
    statfs.source,
    vmstat.source,
    loadavg.source,
    uptime.source,
    pressure.cpu,
    pressure.memory,
    pressure.io,
    pressure.irq,
    processes.source,
    cgroups.source,
]
"""Each makes its source from the place of /proc, anew for every run."""

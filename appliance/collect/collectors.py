"""What a sample is made of, in the order of a recording: a test checks that every source is on the list."""

from collections.abc import Callable

from appliance.collect.sources import (
    Source,
    buddyinfo,
    cpuinfo,
    diskstats,
    facts,
    filesystems,
    interrupts,
    loadavg,
    mdstat,
    meminfo,
    netdev,
    numbers,
    pressure,
    schedstat,
    snmp,
    sockstat,
    softnet,
    stat,
    statfs,
    sysfs,
    tcp_states,
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
    filesystems.source,
    vmstat.source,
    loadavg.source,
    uptime.source,
    pressure.cpu,
    pressure.memory,
    pressure.io,
    pressure.irq,
    snmp.snmp,
    snmp.netstat,
    sockstat.ipv4,
    sockstat.ipv6,
    softnet.source,
    numbers.file_handles,
    numbers.hung_tasks,
    numbers.conntrack_count,
    numbers.conntrack_max,
    schedstat.source,
    sysfs.cpufreq,
    sysfs.throttle,
    sysfs.hwmon,
    sysfs.edac,
    sysfs.numa,
    mdstat.source,
    facts.source,
]
"""Each makes its source from the place of /proc."""

OPTIONAL: dict[str, tuple[Callable[[str], Source], ...]] = {
    "interrupts": (interrupts.source,),
    "compaction": (vmstat.compaction,),
    "buddyinfo": (buddyinfo.source,),
    "tcp-states": (tcp_states.source,),
    "network-filesystems": (statfs.network, filesystems.network),
}
"""What is recorded when it is asked for by name, because it costs more than most need to pay."""

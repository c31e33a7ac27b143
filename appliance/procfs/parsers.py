"""Which parser reads which subsystem, in reading order: a test checks that every module here is on the list."""

from appliance import (
    cgroup_metrics,
    hardware_metrics,
    measurement,
    metrics,
    option_metrics,
    process_metrics,
    protocol_metrics,
    recorder_metrics,
)
from appliance.metrics import Group
from appliance.procfs import (
    Parser,
    buddyinfo,
    cgroups,
    container,
    diskstats,
    ethtool,
    interrupts,
    loadavg,
    mdstat,
    meminfo,
    netdev,
    numbers,
    pressure,
    processes,
    recorder,
    records,
    schedstat,
    slabinfo,
    snmp,
    sockstat,
    softnet,
    stat,
    statfs,
    systemd_units,
    tcp_states,
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
    (metrics.FILESYSTEMS, Group.INODE, records.parser("mount_point", metrics.INODE_KEYS)),
    (protocol_metrics.SNMP, Group.PROTOCOL, snmp.parse),
    (protocol_metrics.NETSTAT, Group.PROTOCOL, snmp.parse),
    (protocol_metrics.SOCKSTAT, Group.PROTOCOL, sockstat.parse),
    (protocol_metrics.SOCKSTAT6, Group.PROTOCOL, sockstat.parse),
    (protocol_metrics.SOFTNET, Group.SOFTNET, softnet.parse),
    (protocol_metrics.CONNTRACK_COUNT, Group.PROTOCOL, numbers.parser(protocol_metrics.CONNTRACK_ENTRIES)),
    (protocol_metrics.CONNTRACK_MAX, Group.PROTOCOL, numbers.parser(protocol_metrics.CONNTRACK_LIMIT)),
    (protocol_metrics.TCP_STATES, Group.PROTOCOL, tcp_states.parse),
    (hardware_metrics.FILE_HANDLES, Group.KERNEL, numbers.file_handles),
    (hardware_metrics.HUNG_TASKS_FILE, Group.KERNEL, numbers.parser(hardware_metrics.HUNG_TASKS)),
    (hardware_metrics.SCHEDSTAT, Group.SCHEDULER, schedstat.parse),
    (hardware_metrics.NUMA, Group.NUMA, records.parser("node", hardware_metrics.NUMA_KEYS)),
    *(
        (record, Group.HARDWARE, records.parser("name", keys))
        for record, keys in hardware_metrics.HARDWARE_KEYS.items()
    ),
    (hardware_metrics.LOGINS, Group.LOGIN, records.of_machine(hardware_metrics.LOGIN_KEYS)),
    (hardware_metrics.TIMEX, Group.CLOCK, records.of_machine(hardware_metrics.CLOCK_KEYS)),
    (hardware_metrics.MDSTAT, Group.HARDWARE, mdstat.parse),
    (hardware_metrics.BLOCK_DELAY, Group.KERNEL, records.of_machine(hardware_metrics.BLOCK_DELAY_KEYS)),
    (hardware_metrics.INTERRUPTS_FILE, Group.INTERRUPT, interrupts.parse),
    (hardware_metrics.SOFTIRQS_FILE, Group.INTERRUPT, interrupts.parse_deferred),
    (hardware_metrics.SLABINFO, Group.FRAGMENTATION, slabinfo.parse),
    (hardware_metrics.BUDDYINFO, Group.FRAGMENTATION, buddyinfo.parse),
    (option_metrics.NFS, Group.NFS, records.parser("mount_point", option_metrics.NFS_KEYS)),
    (option_metrics.ETHTOOL, Group.DRIVER, ethtool.parse),
    (option_metrics.NVME, Group.WEAR, records.parser("name", option_metrics.NVME_KEYS)),
    (option_metrics.SYSTEMD_UNITS, Group.UNIT, systemd_units.parse),
    (recorder_metrics.SELF, Group.RECORDER, recorder.parse),
    (measurement.EVENT, Group.EVENT, recorder.parse_events),
    (recorder_metrics.GAP, Group.EVENT, recorder.parse_gap),
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

"""
The catalogue of metrics: each is declared once and used by its name, so that a misspelt one is an import error.

A value is kept as the whole number that the kernel printed, in the metric's finest unit: `per_unit` of them make one
`unit` (100 ticks are one second). Only percentages and rates that came as text in a CSV are floating point numbers.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Per = Literal[
    "machine", "cpu", "disk", "interface", "mount", "container",
    "node", "sensor", "array", "controller", "interrupt", "zone", "slab", "source",
    "process", "cgroup", "counter", "unit",
    "power_zone", "power_supply", "gpu",
]  # fmt: skip


class Unit(StrEnum):
    SECONDS = "s"
    BYTES = "B"
    PERCENT = "%"
    COUNT = "count"
    LOAD = "tasks"
    PAGES = "pages"
    HERTZ = "Hz"
    BYTES_PER_SECOND = "B/s"
    PER_SECOND = "1/s"
    CELSIUS = "°C"
    VOLTS = "V"
    TURNS_PER_MINUTE = "1/min"
    JOULES = "J"
    WATTS = "W"
    WATT_HOURS = "Wh"
    AMPERE_HOURS = "Ah"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    GROWTH = "growth"
    """What a counter grew by in the interval that ends at the sample; the counter itself was not kept."""


class Group(StrEnum):
    """What is stored together, one table of columns each, so that a page reads only what it draws."""

    CPU = "cpu"
    MEMORY = "memory"
    NETWORK = "network"
    DISK = "disk"
    FILESYSTEM = "filesystem"
    CONTAINER = "container"
    PAGING = "paging"
    LOAD = "load"
    PRESSURE = "pressure"
    UPTIME = "uptime"
    SHARE = "share"
    PROCESS = "process"
    CGROUP = "cgroup"
    PROTOCOL = "protocol"
    SOFTNET = "softnet"
    SCHEDULER = "scheduler"
    KERNEL = "kernel"
    CLOCK = "clock"
    LOGIN = "login"
    INODE = "inode"
    NUMA = "numa"
    HARDWARE = "hardware"
    INTERRUPT = "interrupt"
    FRAGMENTATION = "fragmentation"
    NFS = "nfs"
    DRIVER = "driver"
    WEAR = "wear"
    UNIT = "unit"
    RECORDER = "recorder"
    EVENT = "event"
    RATE = "rate"
    DISK_RATE = "disk_rate"
    NETWORK_RATE = "network_rate"
    CPU_SHARE = "cpu_share"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    name: str
    unit: Unit
    kind: Kind
    group: Group
    source: str
    sentence: str
    per: Per
    per_unit: int = 1
    steps_back: bool = False
    """The kernel lets this counter fall by a few ticks (idle and iowait): that is no reset."""
    bits: int = 64
    """The kernel's counter wraps at this width."""
    most_per_second: float | None = None
    """What no hardware exceeds, in units a second: it tells a wrap from a counter that began again."""
    real: bool = False
    """A floating point number that came as text, not a whole number."""
    alias: str = ""
    """The name under which node_exporter gives it, where it does."""


METRICS: dict[str, Metric] = {}


def declare(metric: Metric) -> Metric:
    if metric.name in METRICS:
        raise ValueError(f"metric {metric.name} is declared twice")
    METRICS[metric.name] = metric
    return metric


STAT, MEMINFO, NETDEV, DISKSTATS = "/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats"
VMSTAT, LOADAVG, UPTIME, STATFS = "/proc/vmstat", "/proc/loadavg", "/proc/uptime", "statfs[*]"
PRESSURE = {resource: f"/proc/pressure/{resource}" for resource in ("cpu", "memory", "io", "irq")}
CONTAINER, CPUINFO = "container/", "/proc/cpuinfo"
FILESYSTEMS = "perfanalysis[filesystems]"


# CPU time, in ticks of 1/100 s (USER_HZ, fixed in the kernel's interface to programs).


def cpu_time(mode: str, sentence: str, steps_back: bool = False) -> Metric:
    alias = f'node_cpu_seconds_total{{mode="{mode}"}}'
    return declare(
        Metric(
            f"cpu_{mode}_seconds_total", Unit.SECONDS, Kind.COUNTER, Group.CPU, STAT, sentence, "cpu",
            per_unit=100, steps_back=steps_back, alias=alias,
        )
    )  # fmt: skip


CPU_USER = cpu_time("user", "Time in programs, guests included.")
CPU_NICE = cpu_time("nice", "Time in programs of low priority.")
CPU_SYSTEM = cpu_time("system", "Time in the kernel.")
CPU_IDLE = cpu_time("idle", "Time with nothing to do.", steps_back=True)
CPU_IOWAIT = cpu_time("iowait", "Time idle while a request to a disk was waited for.", steps_back=True)
CPU_IRQ = cpu_time("irq", "Time in interrupt handlers.")
CPU_SOFTIRQ = cpu_time("softirq", "Time in deferred interrupt work, most of it network.")
CPU_STEAL = cpu_time("steal", "Time that the hypervisor gave to others.")
CPU_GUEST = cpu_time("guest", "Time in virtual machines of this host; part of user.", steps_back=True)
CPU_GUEST_NICE = cpu_time("guest_nice", "Time in virtual machines of low priority; part of nice.", steps_back=True)
CPU_MODES = (CPU_USER, CPU_NICE, CPU_SYSTEM, CPU_IDLE, CPU_IOWAIT, CPU_IRQ, CPU_SOFTIRQ, CPU_STEAL)
"""The modes that sum to all CPU time: guest time is inside user and nice."""
ALL_CPUS = "all"
"""The instance of CPU times that is the whole machine; the others are 0, 1, 2 ..."""


def machine_wide(
    kind: Kind, group: Group, source: str, name: str, unit: Unit, sentence: str, alias: str = "", per_unit: int = 1
) -> Metric:
    return declare(Metric(name, unit, kind, group, source, sentence, "machine", per_unit=per_unit, alias=alias))


def cpu_counter(name: str, sentence: str, alias: str) -> Metric:
    return machine_wide(Kind.COUNTER, Group.CPU, STAT, name, Unit.COUNT, sentence, alias)


CONTEXT_SWITCHES = cpu_counter("context_switches_total", "Switches between tasks.", "node_context_switches_total")
INTERRUPTS = cpu_counter("interrupts_total", "Interrupts served.", "node_intr_total")
SOFTIRQS = cpu_counter("softirqs_total", "Deferred interrupts served.", "node_softirqs_total")
FORKS = cpu_counter("forks_total", "Processes and threads started.", "node_forks_total")
TASKS_RUNNING = machine_wide(
    Kind.GAUGE, Group.CPU, STAT, "tasks_running", Unit.LOAD, "Tasks running or ready to run.", "node_procs_running"
)
TASKS_BLOCKED = machine_wide(
    Kind.GAUGE, Group.CPU, STAT, "tasks_blocked", Unit.LOAD, "Tasks that wait for a disk.", "node_procs_blocked"
)
BOOT_TIME = machine_wide(
    Kind.GAUGE, Group.CPU, STAT, "boot_time_seconds", Unit.SECONDS, "When the machine started, in Unix seconds.",
    "node_boot_time_seconds",
)  # fmt: skip
UPTIME_SECONDS = machine_wide(
    Kind.GAUGE, Group.UPTIME, UPTIME, "uptime_seconds", Unit.SECONDS, "Time since the start, on a clock never set.",
    per_unit=100,
)  # fmt: skip

LOAD_1 = machine_wide(
    Kind.GAUGE, Group.LOAD, LOADAVG, "load_1m", Unit.LOAD, "Tasks running or waiting, over a minute.", "node_load1", 100
)
LOAD_5 = machine_wide(
    Kind.GAUGE, Group.LOAD, LOADAVG, "load_5m", Unit.LOAD, "Tasks running or waiting, over 5 min.", "node_load5", 100
)
LOAD_15 = machine_wide(
    Kind.GAUGE, Group.LOAD, LOADAVG, "load_15m", Unit.LOAD, "Tasks running or waiting, over 15 min.", "node_load15", 100
)
TASKS_RUNNABLE = machine_wide(
    Kind.GAUGE, Group.LOAD, LOADAVG, "tasks_runnable", Unit.LOAD, "Tasks that the scheduler could run."
)
TASKS = machine_wide(Kind.GAUGE, Group.LOAD, LOADAVG, "tasks", Unit.LOAD, "Tasks that exist.")


# Memory: the kernel prints kB, which are KiB.


def memory(field: str, name: str, sentence: str) -> Metric:
    metric = machine_wide(
        Kind.GAUGE, Group.MEMORY, MEMINFO, f"memory_{name}_bytes", Unit.BYTES, sentence, f"node_memory_{field}_bytes"
    )
    MEMORY_FIELDS[field] = metric
    return metric


MEMORY_FIELDS: dict[str, Metric] = {}
"""The metric of each field of /proc/meminfo."""
MEMORY_TOTAL = memory("MemTotal", "total", "Memory that the kernel can give out.")
MEMORY_FREE = memory("MemFree", "free", "Memory that nothing uses.")
MEMORY_AVAILABLE = memory("MemAvailable", "available", "Memory that programs can get without swapping.")
MEMORY_BUFFERS = memory("Buffers", "buffers", "Cache of raw disk blocks.")
MEMORY_CACHED = memory("Cached", "cached", "Cache of files, shared memory included.")
MEMORY_SWAP_CACHED = memory("SwapCached", "swap_cached", "Memory that is in swap as well.")
MEMORY_ACTIVE = memory("Active", "active", "Memory used lately.")
MEMORY_INACTIVE = memory("Inactive", "inactive", "Memory not used lately, taken first.")
MEMORY_ACTIVE_ANON = memory("Active(anon)", "active_anon", "Programs' own memory used lately.")
MEMORY_INACTIVE_ANON = memory("Inactive(anon)", "inactive_anon", "Programs' own memory not used lately.")
MEMORY_ACTIVE_FILE = memory("Active(file)", "active_file", "File cache used lately.")
MEMORY_INACTIVE_FILE = memory("Inactive(file)", "inactive_file", "File cache not used lately.")
MEMORY_UNEVICTABLE = memory("Unevictable", "unevictable", "Memory that cannot be taken back.")
MEMORY_MLOCKED = memory("Mlocked", "mlocked", "Memory that programs locked.")
MEMORY_SWAP_TOTAL = memory("SwapTotal", "swap_total", "Size of all swap.")
MEMORY_SWAP_FREE = memory("SwapFree", "swap_free", "Swap that nothing uses.")
MEMORY_ZSWAP = memory("Zswap", "zswap", "Memory that compressed swap takes.")
MEMORY_ZSWAPPED = memory("Zswapped", "zswapped", "Memory kept in compressed swap, before compression.")
MEMORY_DIRTY = memory("Dirty", "dirty", "File cache that waits to be written.")
MEMORY_WRITEBACK = memory("Writeback", "writeback", "File cache being written.")
MEMORY_ANON = memory("AnonPages", "anon", "Programs' own memory.")
MEMORY_MAPPED = memory("Mapped", "mapped", "Files mapped into programs.")
MEMORY_SHMEM = memory("Shmem", "shmem", "Shared memory and tmpfs.")
MEMORY_KRECLAIMABLE = memory("KReclaimable", "kernel_reclaimable", "Kernel memory that can be taken back.")
MEMORY_SLAB = memory("Slab", "slab", "Kernel objects.")
MEMORY_SLAB_RECLAIMABLE = memory("SReclaimable", "slab_reclaimable", "Kernel objects that can be taken back.")
MEMORY_SLAB_UNRECLAIMABLE = memory("SUnreclaim", "slab_unreclaimable", "Kernel objects that cannot be taken back.")
MEMORY_KERNEL_STACK = memory("KernelStack", "kernel_stack", "Kernel stacks of tasks.")
MEMORY_PAGE_TABLES = memory("PageTables", "page_tables", "Page tables.")
MEMORY_COMMIT_LIMIT = memory("CommitLimit", "commit_limit", "Memory that may be promised under strict accounting.")
MEMORY_COMMITTED = memory("Committed_AS", "committed", "Memory promised to programs.")
MEMORY_VMALLOC_USED = memory("VmallocUsed", "vmalloc_used", "Kernel memory in one virtual stretch.")
MEMORY_PERCPU = memory("Percpu", "percpu", "Kernel memory kept per CPU.")
MEMORY_CORRUPTED = memory("HardwareCorrupted", "hardware_corrupted", "Memory found faulty by the hardware.")
MEMORY_ANON_HUGE = memory("AnonHugePages", "anon_huge", "Programs' own memory in huge pages.")
MEMORY_SHMEM_HUGE = memory("ShmemHugePages", "shmem_huge", "Shared memory in huge pages.")
MEMORY_FILE_HUGE = memory("FileHugePages", "file_huge", "File cache in huge pages.")
MEMORY_HUGETLB = memory("Hugetlb", "hugetlb", "Memory set aside for huge pages of all sizes.")


def huge_pages(field: str, name: str, sentence: str) -> Metric:
    """The only fields of /proc/meminfo that are counts of pages, not kB."""
    metric = machine_wide(
        Kind.GAUGE, Group.MEMORY, MEMINFO, f"huge_pages_{name}", Unit.PAGES, sentence, f"node_memory_{field}"
    )
    MEMORY_FIELDS[field] = metric
    return metric


HUGE_PAGES_TOTAL = huge_pages("HugePages_Total", "total", "Huge pages of the default size.")
HUGE_PAGES_FREE = huge_pages("HugePages_Free", "free", "Huge pages that nothing uses.")
HUGE_PAGES_RESERVED = huge_pages("HugePages_Rsvd", "reserved", "Huge pages promised and not yet used.")
HUGE_PAGES_SURPLUS = huge_pages("HugePages_Surp", "surplus", "Huge pages above the configured number.")


# Paging and reclaim: what says that memory is short. Fields of /proc/vmstat by their kernel names.


def paging(field: str, name: str, unit: Unit, sentence: str) -> Metric:
    metric = machine_wide(Kind.COUNTER, Group.PAGING, VMSTAT, name, unit, sentence, f"node_vmstat_{field}")
    PAGING_FIELDS[field] = metric
    return metric


PAGING_FIELDS: dict[str, Metric] = {}
"""The metric of each field of /proc/vmstat that is kept."""
SWAPPED_IN = paging("pswpin", "swap_in_pages_total", Unit.PAGES, "Pages read back from swap.")
SWAPPED_OUT = paging("pswpout", "swap_out_pages_total", Unit.PAGES, "Pages written to swap.")
PAGED_IN = paging("pgpgin", "paged_in_bytes_total", Unit.BYTES, "Read from disks.")
PAGED_OUT = paging("pgpgout", "paged_out_bytes_total", Unit.BYTES, "Written to disks.")
FAULTS = paging("pgfault", "page_faults_total", Unit.COUNT, "Page faults, minor and major.")
MAJOR_FAULTS = paging("pgmajfault", "major_page_faults_total", Unit.COUNT, "Page faults that waited for a disk.")
SCANNED_KSWAPD = paging("pgscan_kswapd", "scan_kswapd_pages_total", Unit.PAGES, "Pages looked at by kswapd.")
SCANNED_DIRECT = paging("pgscan_direct", "scan_direct_pages_total", Unit.PAGES, "Pages that programs had to look at.")
STOLEN_KSWAPD = paging("pgsteal_kswapd", "steal_kswapd_pages_total", Unit.PAGES, "Pages taken back by kswapd.")
STOLEN_DIRECT = paging("pgsteal_direct", "steal_direct_pages_total", Unit.PAGES, "Pages programs had to take back.")
STALLED_NORMAL = paging(
    "allocstall_normal", "alloc_stalls_normal_total", Unit.COUNT, "Requests for memory that waited."
)
STALLED_MOVABLE = paging(
    "allocstall_movable", "alloc_stalls_movable_total", Unit.COUNT, "Requests for movable memory that waited."
)
REFAULTS_ANON = paging(
    "workingset_refault_anon", "refaults_anon_pages_total", Unit.PAGES, "Program pages taken too early."
)
REFAULTS_FILE = paging(
    "workingset_refault_file", "refaults_file_pages_total", Unit.PAGES, "File pages taken too early."
)
OOM_KILLS = paging("oom_kill", "oom_kills_total", Unit.COUNT, "Processes killed because memory ran out.")
COMPACTION_STALLS = paging("compact_stall", "compaction_stalls_total", Unit.COUNT, "Waits for memory to be compacted.")
SCANNED_KHUGEPAGED = paging(
    "pgscan_khugepaged", "scan_khugepaged_pages_total", Unit.PAGES, "Pages looked at to make huge pages."
)
STOLEN_KHUGEPAGED = paging(
    "pgsteal_khugepaged", "steal_khugepaged_pages_total", Unit.PAGES, "Pages taken back to make huge pages."
)
STALLED_DMA = paging("allocstall_dma", "alloc_stalls_dma_total", Unit.COUNT, "Requests for DMA memory that waited.")
STALLED_DMA32 = paging(
    "allocstall_dma32", "alloc_stalls_dma32_total", Unit.COUNT, "Requests for 32-bit DMA memory that waited."
)
STALLED_DEVICE = paging(
    "allocstall_device", "alloc_stalls_device_total", Unit.COUNT, "Requests for device memory that waited."
)
STALLED = paging("allocstall", "alloc_stalls_total", Unit.COUNT, "Requests for memory that waited, on old kernels.")
DROPPED_PAGES = paging("drop_pagecache", "cache_drops_total", Unit.COUNT, "Times that somebody dropped the file cache.")
NUMA_MIGRATED = paging("numa_pages_migrated", "numa_migrated_pages_total", Unit.PAGES, "Pages moved between nodes.")
ZSWAPPED_IN = paging("zswpin", "zswap_in_pages_total", Unit.PAGES, "Pages read back from compressed swap.")
ZSWAPPED_OUT = paging("zswpout", "zswap_out_pages_total", Unit.PAGES, "Pages put into compressed swap.")
# By option: how hard it is to find memory in one piece.
COMPACTION_FAILED = paging("compact_fail", "compaction_failures_total", Unit.COUNT, "Compactions that gave no room.")
COMPACTION_SUCCEEDED = paging(
    "compact_success", "compaction_successes_total", Unit.COUNT, "Compactions that gave room."
)
COMPACTION_MIGRATED = paging("compact_migrate_scanned", "compaction_scanned_pages_total", Unit.PAGES, "Pages scanned.")
COMPACTION_WOKEN = paging("compact_daemon_wake", "compaction_wakes_total", Unit.COUNT, "Wakes of the compacting task.")
HUGE_FAULTS = paging("thp_fault_alloc", "huge_page_faults_total", Unit.COUNT, "Faults that got a huge page.")
HUGE_FALLBACKS = paging(
    "thp_fault_fallback", "huge_page_fallbacks_total", Unit.COUNT, "Faults that found no huge page and got small ones."
)
HUGE_COLLAPSED = paging(
    "thp_collapse_alloc", "huge_page_collapses_total", Unit.COUNT, "Small pages joined to huge ones."
)
HUGE_SPLIT = paging("thp_split_page", "huge_page_splits_total", Unit.COUNT, "Huge pages split into small ones.")


# Pressure: the kernel counts microseconds in which tasks waited.


def pressure(resource: str, kind: str, name: str, sentence: str) -> Metric:
    alias = f"node_pressure_{resource}_{'waiting' if kind == 'some' else 'stalled'}_seconds_total"
    metric = declare(
        Metric(
            f"pressure_{resource}_{name}_seconds_total", Unit.SECONDS, Kind.COUNTER, Group.PRESSURE,
            PRESSURE[resource], sentence, "machine", per_unit=1_000_000, alias=alias,
        )
    )  # fmt: skip
    PRESSURE_LINES[resource, kind] = metric
    return metric


PRESSURE_LINES: dict[tuple[str, str], Metric] = {}
"""The metric of each line of /proc/pressure: (resource, "some" or "full")."""
CPU_WAITING = pressure("cpu", "some", "waiting", "Time in which a task waited for a CPU.")
CPU_STALLED = pressure("cpu", "full", "stalled", "Time in which every task waited for a CPU.")
MEMORY_WAITING = pressure("memory", "some", "waiting", "Time in which a task waited for memory.")
MEMORY_STALLED = pressure("memory", "full", "stalled", "Time in which every task waited for memory.")
IO_WAITING = pressure("io", "some", "waiting", "Time in which a task waited for a disk.")
IO_STALLED = pressure("io", "full", "stalled", "Time in which every task waited for a disk.")
IRQ_STALLED = pressure("irq", "full", "stalled", "Time in which interrupts kept tasks waiting.")


# Disks: sectors are of 512 bytes whatever the device; times are 32-bit milliseconds.


DISK_QUEUE = 4096
"""Requests under way at a time in a deep queue: so many seconds of waiting a disk may count in a second."""


def disk(
    name: str, unit: Unit, sentence: str, alias: str, kind: Kind = Kind.COUNTER, most_per_second: float = DISK_QUEUE
) -> Metric:
    milliseconds = unit is Unit.SECONDS
    metric = declare(
        Metric(
            f"disk_{name}", unit, kind, Group.DISK, DISKSTATS, sentence, "disk",
            per_unit=1000 if milliseconds else 1, bits=32 if milliseconds else 64, alias=f"node_disk_{alias}",
            most_per_second=most_per_second if milliseconds else None,
        )
    )  # fmt: skip
    DISK_FIELDS.append(metric)
    return metric


DISK_FIELDS: list[Metric] = []
"""The metrics of a line of /proc/diskstats, in the order of its fields after the name."""
DISK_READS = disk("reads_total", Unit.COUNT, "Reads completed.", "reads_completed_total")
DISK_READS_MERGED = disk("reads_merged_total", Unit.COUNT, "Reads joined with others.", "reads_merged_total")
DISK_READ_BYTES = disk("read_bytes_total", Unit.BYTES, "Bytes read.", "read_bytes_total")
DISK_READ_TIME = disk("read_seconds_total", Unit.SECONDS, "Time that reads took, summed.", "read_time_seconds_total")
DISK_WRITES = disk("writes_total", Unit.COUNT, "Writes completed.", "writes_completed_total")
DISK_WRITES_MERGED = disk("writes_merged_total", Unit.COUNT, "Writes joined with others.", "writes_merged_total")
DISK_WRITTEN_BYTES = disk("written_bytes_total", Unit.BYTES, "Bytes written.", "written_bytes_total")
DISK_WRITE_TIME = disk(
    "write_seconds_total", Unit.SECONDS, "Time that writes took, summed.", "write_time_seconds_total"
)
DISK_IN_FLIGHT = disk("in_flight", Unit.COUNT, "Requests under way.", "io_now", Kind.GAUGE)
DISK_BUSY = disk(
    "busy_seconds_total", Unit.SECONDS, "Time with a request under way.", "io_time_seconds_total", most_per_second=1
)
DISK_WEIGHTED = disk(
    "weighted_seconds_total", Unit.SECONDS, "Requests under way, summed over time.", "io_time_weighted_seconds_total"
)
DISK_DISCARDS = disk("discards_total", Unit.COUNT, "Discards completed.", "discards_completed_total")
DISK_DISCARDS_MERGED = disk("discards_merged_total", Unit.COUNT, "Discards joined.", "discards_merged_total")
DISK_DISCARDED_BYTES = disk("discarded_bytes_total", Unit.BYTES, "Bytes discarded.", "discarded_sectors_total")
DISK_DISCARD_TIME = disk("discard_seconds_total", Unit.SECONDS, "Time of discards.", "discard_time_seconds_total")
DISK_FLUSHES = disk("flushes_total", Unit.COUNT, "Flushes completed.", "flush_requests_total")
DISK_FLUSH_TIME = disk("flush_seconds_total", Unit.SECONDS, "Time of flushes.", "flush_requests_time_seconds_total")
SECTOR_BYTES = 512


# Network interfaces, in the order of the fields of /proc/net/dev.


def network(name: str, unit: Unit, sentence: str, alias: str) -> Metric:
    metric = declare(
        Metric(
            f"network_{name}_total", unit, Kind.COUNTER, Group.NETWORK, NETDEV, sentence, "interface",
            alias=f"node_network_{alias}_total",
        )
    )  # fmt: skip
    NETWORK_FIELDS.append(metric)
    return metric


NETWORK_FIELDS: list[Metric] = []
"""The metrics of a line of /proc/net/dev, in the order of its fields after the name."""
RECEIVED_BYTES = network("received_bytes", Unit.BYTES, "Bytes received.", "receive_bytes")
RECEIVED_PACKETS = network("received_packets", Unit.COUNT, "Packets received.", "receive_packets")
RECEIVED_ERRORS = network("received_errors", Unit.COUNT, "Packets received with errors.", "receive_errs")
RECEIVED_DROPS = network("received_drops", Unit.COUNT, "Packets received and dropped.", "receive_drop")
RECEIVED_FIFO = network("received_fifo", Unit.COUNT, "Receive queue overruns.", "receive_fifo")
RECEIVED_FRAME = network("received_frame", Unit.COUNT, "Framing errors.", "receive_frame")
RECEIVED_COMPRESSED = network("received_compressed", Unit.COUNT, "Compressed packets received.", "receive_compressed")
RECEIVED_MULTICAST = network("received_multicast", Unit.COUNT, "Multicast packets received.", "receive_multicast")
SENT_BYTES = network("sent_bytes", Unit.BYTES, "Bytes sent.", "transmit_bytes")
SENT_PACKETS = network("sent_packets", Unit.COUNT, "Packets sent.", "transmit_packets")
SENT_ERRORS = network("sent_errors", Unit.COUNT, "Packets not sent because of errors.", "transmit_errs")
SENT_DROPS = network("sent_drops", Unit.COUNT, "Packets dropped before sending.", "transmit_drop")
SENT_FIFO = network("sent_fifo", Unit.COUNT, "Send queue overruns.", "transmit_fifo")
SENT_COLLISIONS = network("sent_collisions", Unit.COUNT, "Collisions.", "transmit_colls")
SENT_CARRIER = network("sent_carrier", Unit.COUNT, "Losses of carrier.", "transmit_carrier")
SENT_COMPRESSED = network("sent_compressed", Unit.COUNT, "Compressed packets sent.", "transmit_compressed")


# File systems.


def filesystem(name: str, unit: Unit, sentence: str, alias: str = "") -> Metric:
    return declare(
        Metric(f"filesystem_{name}", unit, Kind.GAUGE, Group.FILESYSTEM, STATFS, sentence, "mount", alias=alias)
    )


FILESYSTEM_BLOCK = filesystem("block_bytes", Unit.BYTES, "Size of the blocks that it counts in.")
FILESYSTEM_SIZE = filesystem("blocks_total", Unit.COUNT, "Size, in its blocks.", "node_filesystem_size_bytes")
FILESYSTEM_FREE = filesystem("blocks_free", Unit.COUNT, "Free, in its blocks.", "node_filesystem_free_bytes")
FILESYSTEM_AVAILABLE = filesystem(
    "blocks_available", Unit.COUNT, "Free for programs without privilege, in its blocks.", "node_filesystem_avail_bytes"
)


def inode(key: str, name: str, sentence: str, alias: str, unit: Unit = Unit.COUNT) -> Metric:
    metric = declare(
        Metric(f"filesystem_{name}", unit, Kind.GAUGE, Group.INODE, FILESYSTEMS, sentence, "mount", alias=alias)
    )
    INODE_KEYS[key] = metric
    return metric


INODE_KEYS: dict[str, Metric] = {}
"""The metric of each number in a record of a file system, beside the five of the original."""
INODES = inode("inodes_total", "inodes", "Files that it can hold.", "node_filesystem_files")
INODES_FREE = inode("inodes_free", "inodes_free", "Files that it still has room for.", "node_filesystem_files_free")
READ_ONLY = inode("read_only", "read_only", "1 where it cannot be written.", "node_filesystem_readonly")
NOT_ANSWERING = inode(
    "device_error", "not_answering", "1 where it could not be asked or did not answer in time.",
    "node_filesystem_device_error",
)  # fmt: skip


# Containers: the keys of a container record.


def container(key: str, name: str, unit: Unit, sentence: str, kind: Kind = Kind.COUNTER, per_unit: int = 1) -> Metric:
    metric = declare(
        Metric(f"container_{name}", unit, kind, Group.CONTAINER, CONTAINER, sentence, "container", per_unit=per_unit)
    )
    CONTAINER_KEYS[key] = metric
    return metric


CONTAINER_KEYS: dict[str, Metric] = {}
"""The metric of each number in a container record."""
USEC, SECS, GAUGE = 1_000_000, Unit.SECONDS, Kind.GAUGE
CONTAINER_CPU = container("cpu_usage_usec", "cpu_seconds_total", SECS, "CPU time used.", per_unit=USEC)
CONTAINER_CPU_USER = container("cpu_user_usec", "cpu_user_seconds_total", SECS, "CPU time in programs.", per_unit=USEC)
CONTAINER_CPU_SYSTEM = container(
    "cpu_system_usec", "cpu_system_seconds_total", SECS, "CPU time in the kernel.", per_unit=USEC
)
CONTAINER_PERIODS = container("cpu_periods", "cpu_periods_total", Unit.COUNT, "Periods in which it could be held back.")
CONTAINER_THROTTLED = container("cpu_throttled", "cpu_throttled_periods_total", Unit.COUNT, "Periods it was held back.")
CONTAINER_THROTTLED_TIME = container(
    "cpu_throttled_usec", "cpu_throttled_seconds_total", SECS, "Time it was held back, over its CPUs.", per_unit=USEC
)
CONTAINER_QUOTA = container("cpu_quota", "cpu_quota_seconds", SECS, "CPU time allowed a period.", GAUGE, USEC)
CONTAINER_PERIOD = container("cpu_period", "cpu_period_seconds", SECS, "Length of a period.", GAUGE, USEC)
CONTAINER_MEMORY = container("memory_current", "memory_bytes", Unit.BYTES, "Memory used, cache included.", GAUGE)
CONTAINER_MEMORY_MAX = container("memory_max", "memory_max_bytes", Unit.BYTES, "Memory allowed.", GAUGE)
CONTAINER_MEMORY_ANON = container("memory_anon", "memory_anon_bytes", Unit.BYTES, "Programs' own memory.", GAUGE)
CONTAINER_MEMORY_FILE = container("memory_file", "memory_file_bytes", Unit.BYTES, "File cache.", GAUGE)
CONTAINER_MEMORY_KERNEL = container("memory_kernel", "memory_kernel_bytes", Unit.BYTES, "Kernel memory.", GAUGE)
CONTAINER_MEMORY_SLAB = container("memory_slab", "memory_slab_bytes", Unit.BYTES, "Kernel objects.", GAUGE)
CONTAINER_READ_BYTES = container("io_read_bytes", "read_bytes_total", Unit.BYTES, "Bytes read.")
CONTAINER_WRITTEN_BYTES = container("io_write_bytes", "written_bytes_total", Unit.BYTES, "Bytes written.")
CONTAINER_READS = container("io_read_ops", "reads_total", Unit.COUNT, "Reads.")
CONTAINER_WRITES = container("io_write_ops", "writes_total", Unit.COUNT, "Writes.")
CONTAINER_TASKS = container("pids_current", "tasks", Unit.LOAD, "Tasks.", GAUGE)
CONTAINER_TASKS_MAX = container("pids_max", "tasks_max", Unit.LOAD, "Tasks allowed.", GAUGE)


# Shares of CPU time that came ready made in a CSV: of all CPU time in the interval that ends at the timestamp.


def cpu_share(mode: str) -> Metric:
    metric = declare(
        Metric(
            f"cpu_{mode}_percent", Unit.PERCENT, Kind.GAUGE, Group.SHARE, "csv", f"Share of CPU time in {mode}.",
            "machine", real=True,
        )
    )  # fmt: skip
    CPU_SHARES[mode] = metric
    return metric


CPU_SHARES: dict[str, Metric] = {}
"""The metric of each CPU column of the standard CSV."""
SHARE_USER, SHARE_SYSTEM, SHARE_IDLE, SHARE_IOWAIT = map(cpu_share, ("user", "system", "idle", "iowait"))
SHARE_NICE, SHARE_IRQ, SHARE_SOFTIRQ, SHARE_STEAL = map(cpu_share, ("nice", "irq", "softirq", "steal"))


# What came ready made in a portal CSV or a sar-style tree. Rates are gauges: nothing computes a rate of them again.


def ready_made(name: str, unit: Unit, group: Group, per: Per, sentence: str) -> Metric:
    return declare(Metric(name, unit, Kind.GAUGE, group, "csv", sentence, per, real=True))


def rate(name: str, unit: Unit, sentence: str) -> Metric:
    return ready_made(f"all_{name}_per_second", unit, Group.RATE, "machine", sentence)


RATE_READ_BYTES = rate("disks_read_bytes", Unit.BYTES_PER_SECOND, "Bytes read a second, from all disks.")
RATE_WRITTEN_BYTES = rate("disks_written_bytes", Unit.BYTES_PER_SECOND, "Bytes written a second, to all disks.")
RATE_RECEIVED_BYTES = rate("network_received_bytes", Unit.BYTES_PER_SECOND, "Bytes received a second.")
RATE_SENT_BYTES = rate("network_sent_bytes", Unit.BYTES_PER_SECOND, "Bytes sent a second.")


def disk_rate(name: str, unit: Unit, sentence: str) -> Metric:
    return ready_made(f"disk_{name}_per_second", unit, Group.DISK_RATE, "disk", sentence)


DISK_RATE_REQUESTS = disk_rate("requests", Unit.PER_SECOND, "Reads, writes and discards a second.")
DISK_RATE_READS = disk_rate("reads", Unit.PER_SECOND, "Reads a second.")
DISK_RATE_WRITES = disk_rate("writes", Unit.PER_SECOND, "Writes a second.")
DISK_RATE_DISCARDS = disk_rate("discards", Unit.PER_SECOND, "Discards a second.")
DISK_RATE_READ_BYTES = disk_rate("read_bytes", Unit.BYTES_PER_SECOND, "Bytes read a second.")
DISK_RATE_WRITTEN_BYTES = disk_rate("written_bytes", Unit.BYTES_PER_SECOND, "Bytes written a second.")
DISK_RATE_DISCARDED_BYTES = disk_rate("discarded_bytes", Unit.BYTES_PER_SECOND, "Bytes discarded a second.")


def network_rate(name: str, unit: Unit, sentence: str) -> Metric:
    return ready_made(f"network_{name}_per_second", unit, Group.NETWORK_RATE, "interface", sentence)


NETWORK_RATE_RECEIVED_PACKETS = network_rate("received_packets", Unit.PER_SECOND, "Packets received a second.")
NETWORK_RATE_SENT_PACKETS = network_rate("sent_packets", Unit.PER_SECOND, "Packets sent a second.")
NETWORK_RATE_RECEIVED_BYTES = network_rate("received_bytes", Unit.BYTES_PER_SECOND, "Bytes received a second.")
NETWORK_RATE_SENT_BYTES = network_rate("sent_bytes", Unit.BYTES_PER_SECOND, "Bytes sent a second.")
NETWORK_RATE_RECEIVED_COMPRESSED = network_rate("received_compressed", Unit.PER_SECOND, "Compressed packets received.")
NETWORK_RATE_SENT_COMPRESSED = network_rate("sent_compressed", Unit.PER_SECOND, "Compressed packets sent a second.")
NETWORK_RATE_RECEIVED_MULTICAST = network_rate("received_multicast", Unit.PER_SECOND, "Multicast packets received.")

CPU_SHARES_BY_CPU: dict[str, Metric] = {
    mode: ready_made(
        f"cpu_{mode}_percent_by_cpu", Unit.PERCENT, Group.CPU_SHARE, "cpu", f"Share of this CPU's time in {mode}."
    )
    for mode in ("user", "nice", "system", "iowait", "steal", "idle")
}

MEMORY_USED = machine_wide(
    Kind.GAUGE, Group.MEMORY, "csv", "memory_used_bytes", Unit.BYTES,
    "Memory less what is free, buffers, file cache and kernel objects.",
)  # fmt: skip
# Old portal files leave kernel objects out of the total, and what is used follows from that: names of their own.
MEMORY_PORTAL_TOTAL = machine_wide(
    Kind.GAUGE, Group.MEMORY, "csv", "memory_portal_total_bytes", Unit.BYTES, "What a portal CSV calls the total."
)
MEMORY_PORTAL_USED = machine_wide(
    Kind.GAUGE, Group.MEMORY, "csv", "memory_portal_used_bytes", Unit.BYTES, "What a portal CSV calls used."
)
MEMORY_USED_SHARE = ready_made(
    "memory_used_percent", Unit.PERCENT, Group.SHARE, "machine", "Used memory, of all memory."
)
MEMORY_COMMITTED_SHARE = ready_made(
    "memory_committed_percent", Unit.PERCENT, Group.SHARE, "machine", "Memory promised, of all memory and swap."
)
FILESYSTEM_USED_SHARE = declare(
    Metric(
        "filesystem_used_percent", Unit.PERCENT, Kind.GAUGE, Group.FILESYSTEM, "csv",
        "How full it is, in whole percent.", "mount",
    )
)  # fmt: skip

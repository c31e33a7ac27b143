"""
The catalogue, continued: the scheduler, kernel limits, the clock, log-ins, NUMA nodes, and what the hardware says of
itself.
"""

from appliance.metrics import Group, Kind, Metric, Per, Unit, declare

SCHEDSTAT = "/proc/schedstat"
FILE_HANDLES, HUNG_TASKS_FILE = "/proc/sys/fs/file-nr", "/proc/sys/kernel/hung_task_detect_count"
SOFTIRQS_FILE, SLABINFO = "/proc/softirqs", "/proc/slabinfo"
MDSTAT, INTERRUPTS_FILE, BUDDYINFO = "/proc/mdstat", "/proc/interrupts", "/proc/buddyinfo"
CPUFREQ, THROTTLE, HWMON = "cpufreq[*]", "thermal_throttle[*]", "hwmon[*]"
EDAC, NUMA = "edac[*]", "numa[*]"
THERMAL, CARRIER = "thermal_zone[*]", "carrier[*]"
COOLING = "cooling_device[*]"
TIMEX, LOGINS = "timex[*]", "logins[*]"
RAPL, POWER_SUPPLY = "rapl[*]", "power_supply[*]"
GPU, NVIDIA = "gpu[*]", "nvidia[*]"
BLOCK_DELAY = "block_delay[*]"


# The scheduler: nanoseconds in which tasks ran on a CPU, and in which they waited for it.


def scheduler(name: str, unit: Unit, sentence: str, alias: str) -> Metric:
    return declare(
        Metric(
            f"scheduler_{name}_total", unit, Kind.COUNTER, Group.SCHEDULER, SCHEDSTAT, sentence, "cpu",
            per_unit=1_000_000_000 if unit is Unit.SECONDS else 1, alias=f"node_schedstat_{alias}_total",
        )
    )  # fmt: skip


SCHEDULER_RUNNING = scheduler("running_seconds", Unit.SECONDS, "Time in which tasks ran.", "running_seconds")
SCHEDULER_WAITING = scheduler("waiting_seconds", Unit.SECONDS, "Time that tasks waited to run.", "waiting_seconds")
SCHEDULER_SLICES = scheduler("timeslices", Unit.COUNT, "Times that a task was let run.", "timeslices")


# Limits of the kernel.


def kernel(source: str, name: str, sentence: str, alias: str, kind: Kind = Kind.GAUGE) -> Metric:
    return declare(Metric(name, Unit.COUNT, kind, Group.KERNEL, source, sentence, "machine", alias=alias))


FILES_OPEN = kernel(FILE_HANDLES, "file_handles", "Files that are open.", "node_filefd_allocated")
FILES_MAX = kernel(FILE_HANDLES, "file_handles_limit", "Files that may be open.", "node_filefd_maximum")
HUNG_TASKS = kernel(
    HUNG_TASKS_FILE, "hung_tasks_total", "Tasks found to hang for minutes.", "node_kernel_hung_tasks_total",
    Kind.COUNTER,
)  # fmt: skip


# The clock, as the kernel keeps it and as somebody (chrony, ntpd, systemd) keeps the kernel's right.


def clock(key: str, name: str, unit: Unit, sentence: str, alias: str, per_unit: int = 1) -> Metric:
    metric = declare(
        Metric(
            f"clock_{name}", unit, Kind.GAUGE, Group.CLOCK, TIMEX, sentence, "machine", per_unit=per_unit,
            alias=f"node_timex_{alias}",
        )
    )  # fmt: skip
    CLOCK_KEYS[key] = metric
    return metric


CLOCK_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of the clock."""
CLOCK_SYNCHRONISED = clock(
    "synchronised", "synchronised", Unit.COUNT, "1 where the clock is kept right by another one.", "sync_status"
)
CLOCK_OFFSET = clock(
    "offset_ns", "offset_seconds", Unit.SECONDS, "What the clock is being put right by.", "offset_seconds",
    1_000_000_000,
)  # fmt: skip
CLOCK_MOST_ERROR = clock(
    "most_error_us", "most_error_seconds", Unit.SECONDS, "How far off the clock is at most.", "maxerror_seconds",
    1_000_000,
)  # fmt: skip
CLOCK_ESTIMATED_ERROR = clock(
    "estimated_error_us", "estimated_error_seconds", Unit.SECONDS, "How far off the clock is believed to be.",
    "estimated_error_seconds", 1_000_000,
)  # fmt: skip


# Who is logged in.


def login(key: str, name: str, sentence: str, alias: str = "") -> Metric:
    LOGIN_KEYS[key] = declare(
        Metric(name, Unit.COUNT, Kind.GAUGE, Group.LOGIN, LOGINS, sentence, "machine", alias=alias)
    )
    return LOGIN_KEYS[key]


LOGIN_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of log-ins."""
USERS = login("users", "users", "People who are logged in.")
SESSIONS = login("sessions", "sessions", "Log-ins, of which one may have several.", "node_logind_sessions")


# NUMA nodes.


def numa(key: str, name: str, unit: Unit, sentence: str, alias: str, kind: Kind = Kind.COUNTER) -> Metric:
    metric = declare(
        Metric(f"numa_{name}", unit, kind, Group.NUMA, NUMA, sentence, "node", alias=f"node_memory_numa_{alias}")
    )
    NUMA_KEYS[key] = metric
    return metric


NUMA_KEYS: dict[str, Metric] = {}
"""The metric of each field of a node's meminfo and numastat."""
NUMA_TOTAL = numa("MemTotal", "memory_bytes", Unit.BYTES, "Memory of the node.", "MemTotal", Kind.GAUGE)
NUMA_FREE = numa("MemFree", "memory_free_bytes", Unit.BYTES, "Memory that nothing uses.", "MemFree", Kind.GAUGE)
NUMA_FILE = numa("FilePages", "file_bytes", Unit.BYTES, "File cache.", "FilePages", Kind.GAUGE)
NUMA_ANON = numa("AnonPages", "anon_bytes", Unit.BYTES, "Programs' own memory.", "AnonPages", Kind.GAUGE)
NUMA_HITS = numa("numa_hit", "hits_total", Unit.COUNT, "Pages given here as wanted.", "numa_hit_total")
NUMA_MISSES = numa("numa_miss", "misses_total", Unit.COUNT, "Pages given here, wanted elsewhere.", "numa_miss_total")
NUMA_FOREIGN = numa(
    "numa_foreign", "foreign_total", Unit.COUNT, "Pages wanted here, given elsewhere.", "numa_foreign_total"
)
NUMA_LOCAL = numa("local_node", "local_total", Unit.COUNT, "Pages given to tasks of the node.", "local_node_total")
NUMA_REMOTE = numa("other_node", "remote_total", Unit.COUNT, "Pages given to tasks of other nodes.", "other_node_total")


# What the hardware says: records of ours, one JSON object a line.


def hardware(
    source: str, key: str, name: str, unit: Unit, per: Per, sentence: str, alias: str, kind: Kind = Kind.COUNTER,
    per_unit: int = 1,
) -> Metric:  # fmt: skip
    metric = declare(Metric(name, unit, kind, Group.HARDWARE, source, sentence, per, per_unit=per_unit, alias=alias))
    HARDWARE_KEYS.setdefault(source, {})[key] = metric
    return metric


HARDWARE_KEYS: dict[str, dict[str, Metric]] = {}
"""The metric of each number in a record, by record."""
CPU_FREQUENCY = hardware(
    CPUFREQ, "hertz", "cpu_frequency_hertz", Unit.HERTZ, "cpu", "How fast it runs.",
    "node_cpu_scaling_frequency_hertz", Kind.GAUGE,
)  # fmt: skip
CORE_THROTTLES = hardware(
    THROTTLE, "core", "cpu_core_throttles_total", Unit.COUNT, "cpu", "Times a core was slowed down for its heat.",
    "node_cpu_core_throttles_total",
)  # fmt: skip
PACKAGE_THROTTLES = hardware(
    THROTTLE, "package", "cpu_package_throttles_total", Unit.COUNT, "cpu",
    "Times a processor was slowed down for its heat.", "node_cpu_package_throttles_total",
)  # fmt: skip
TEMPERATURE = hardware(
    HWMON, "millidegrees", "temperature_celsius", Unit.CELSIUS, "sensor", "Temperature.", "node_hwmon_temp_celsius",
    Kind.GAUGE, 1000,
)  # fmt: skip
FAN_SPEED = hardware(
    HWMON, "turns_per_minute", "fan_turns_per_minute", Unit.TURNS_PER_MINUTE, "sensor", "How fast a fan turns.",
    "node_hwmon_fan_rpm", Kind.GAUGE,
)  # fmt: skip
VOLTAGE = hardware(
    HWMON, "millivolts", "voltage_volts", Unit.VOLTS, "sensor", "Voltage.", "node_hwmon_in_volts", Kind.GAUGE, 1000
)
COOLING_STATE = hardware(
    COOLING, "state", "cooling_state", Unit.COUNT, "sensor", "How hard it cools, or slows a CPU: 0 is not at all.",
    "node_cooling_device_cur_state", Kind.GAUGE,
)  # fmt: skip
COOLING_MOST = hardware(
    COOLING, "most", "cooling_state_most", Unit.COUNT, "sensor", "How hard it can cool.",
    "node_cooling_device_max_state", Kind.GAUGE,
)  # fmt: skip
ZONE_TEMPERATURE = hardware(
    THERMAL, "millidegrees", "thermal_zone_temperature_celsius", Unit.CELSIUS, "sensor", "Temperature of a zone.",
    "node_thermal_zone_temp", Kind.GAUGE, 1000,
)  # fmt: skip
CARRIER_CHANGES = hardware(
    CARRIER, "changes", "network_carrier_changes_total", Unit.COUNT, "interface",
    "Times that the link of an interface came or went.", "node_network_carrier_changes_total",
)  # fmt: skip
MEMORY_CORRECTED = hardware(
    EDAC, "corrected", "memory_errors_corrected_total", Unit.COUNT, "controller", "Memory errors that were corrected.",
    "node_edac_correctable_errors_total",
)  # fmt: skip
MEMORY_UNCORRECTED = hardware(
    EDAC, "uncorrected", "memory_errors_uncorrected_total", Unit.COUNT, "controller",
    "Memory errors that could not be corrected.", "node_edac_uncorrectable_errors_total",
)  # fmt: skip


# By option: energy, by a part of the machine such as "0 package-0"; a package's holds that of its cores.
ENERGY = hardware(
    RAPL, "microjoules", "energy_joules_total", Unit.JOULES, "power_zone", "Energy that a processor or memory used.",
    "node_rapl_joules_total", per_unit=1_000_000,
)  # fmt: skip


# By option: batteries, also those of a mouse or a UPS, and what charges them. Some count energy, others charge.


def supply(key: str, name: str, unit: Unit, sentence: str, alias: str = "", per_unit: int = 1) -> Metric:
    return hardware(POWER_SUPPLY, key, name, unit, "power_supply", sentence, alias, Kind.GAUGE, per_unit)


BATTERY_LEVEL = supply(
    "percent", "battery_percent", Unit.PERCENT, "How full it is, in whole percent.", "node_power_supply_capacity"
)
BATTERY_ENERGY = supply(
    "microwatt_hours", "battery_energy_watt_hours", Unit.WATT_HOURS, "Energy that it holds.",
    "node_power_supply_energy_watthour", 1_000_000,
)  # fmt: skip
BATTERY_ENERGY_FULL = supply(
    "microwatt_hours_full", "battery_energy_full_watt_hours", Unit.WATT_HOURS, "Energy that it holds when full.",
    "node_power_supply_energy_full", 1_000_000,
)  # fmt: skip
BATTERY_CHARGE = supply(
    "microampere_hours", "battery_charge_ampere_hours", Unit.AMPERE_HOURS, "Charge that it holds.",
    "node_power_supply_charge_ampere", 1_000_000,
)  # fmt: skip
BATTERY_CHARGE_FULL = supply(
    "microampere_hours_full", "battery_charge_full_ampere_hours", Unit.AMPERE_HOURS, "Charge that it holds when full.",
    "node_power_supply_charge_full", 1_000_000,
)  # fmt: skip
BATTERY_POWER = supply(
    "microwatts", "battery_power_watts", Unit.WATTS, "Power that goes into or out of it.",
    "node_power_supply_power_watt", 1_000_000,
)  # fmt: skip
BATTERY_CHARGING = supply("charging", "battery_charging", Unit.COUNT, "1 while it is charged.")
BATTERY_DISCHARGING = supply("discharging", "battery_discharging", Unit.COUNT, "1 while it is used up.")
SUPPLY_ONLINE = supply(
    "online", "power_supply_online", Unit.COUNT, "1 where it gives power, as mains that are plugged in do.",
    "node_power_supply_online",
)  # fmt: skip


# By option: graphics processors, "0 amdgpu" or "0 NVIDIA A100-SXM4-40GB"; each driver tells another part of this.


def gpu(key: str, name: str, unit: Unit, sentence: str, alias: str = "", per_unit: int = 1) -> Metric:
    return hardware(GPU, key, f"gpu_{name}", unit, "gpu", sentence, alias, Kind.GAUGE, per_unit)


GPU_BUSY = gpu(
    "percent", "busy_percent", Unit.PERCENT, "How busy it was of late, in whole percent.", "node_drm_gpu_busy_percent"
)
GPU_MEMORY_USED = gpu(
    "memory_used", "memory_used_bytes", Unit.BYTES, "Its own memory that is used.", "node_drm_memory_vram_used_bytes"
)
GPU_MEMORY = gpu("memory", "memory_bytes", Unit.BYTES, "Its own memory.", "node_drm_memory_vram_size_bytes")
GPU_POWER = gpu("microwatts", "power_watts", Unit.WATTS, "Power that it takes.", per_unit=1_000_000)
GPU_TEMPERATURE = gpu("millidegrees", "temperature_celsius", Unit.CELSIUS, "Its temperature.", per_unit=1000)
GPU_FREQUENCY = gpu("hertz", "frequency_hertz", Unit.HERTZ, "How fast it runs; 0 while it has nothing to do.")
HARDWARE_KEYS[NVIDIA] = HARDWARE_KEYS[GPU]


# By option: how long processes waited for disks.


def block_delay(key: str, name: str, unit: Unit, sentence: str, kind: Kind = Kind.GAUGE, per_unit: int = 1) -> Metric:
    metric = declare(Metric(name, unit, kind, Group.KERNEL, BLOCK_DELAY, sentence, "machine", per_unit=per_unit))
    BLOCK_DELAY_KEYS[key] = metric
    return metric


BLOCK_DELAY_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of waits for disks."""
BLOCK_DELAY_TIME = block_delay(
    "ticks", "block_delay_seconds_total", Unit.SECONDS,
    "Time that first threads of processes waited for a disk, summed, since the recording began.", Kind.COUNTER, 100,
)  # fmt: skip
BLOCK_DELAY_PROCESSES = block_delay(
    "processes", "block_delay_processes", Unit.COUNT, "Processes that it is the sum of."
)
BLOCK_DELAY_NOT_LOOKED_AT = block_delay(
    "not_looked_at", "block_delay_not_looked_at", Unit.COUNT, "Processes whose wait is told by a later sample."
)


# Software RAID.


def array(name: str, sentence: str, alias: str) -> Metric:
    return declare(
        Metric(f"array_{name}", Unit.COUNT, Kind.GAUGE, Group.HARDWARE, MDSTAT, sentence, "array", alias=alias)
    )


ARRAY_ACTIVE = array("active", "1 where the array is active.", 'node_md_state{state="active"}')
ARRAY_DISKS = array("disks", "Disks that the array should have.", "node_md_disks_required")
ARRAY_DISKS_WORKING = array("disks_working", "Disks that work in it.", 'node_md_disks{state="active"}')
ARRAY_DISKS_FAILED = array("disks_failed", "Disks that failed in it.", 'node_md_disks{state="failed"}')


# By option.
INTERRUPT_LINE = declare(
    Metric(
        "interrupt_line_total", Unit.COUNT, Kind.COUNTER, Group.INTERRUPT, INTERRUPTS_FILE,
        "Interrupts of one line, over all CPUs.", "interrupt", alias="node_interrupts_total",
    )
)  # fmt: skip
SOFTIRQ_KIND = declare(
    Metric(
        "softirq_kind_total", Unit.COUNT, Kind.COUNTER, Group.INTERRUPT, SOFTIRQS_FILE,
        "Deferred interrupts of one kind, over all CPUs.", "interrupt", alias="node_softirqs_functions_total",
    )
)  # fmt: skip
SLAB_OBJECTS = declare(
    Metric(
        "slab_objects", Unit.COUNT, Kind.GAUGE, Group.FRAGMENTATION, SLABINFO, "Objects of one kind that are used.",
        "slab", alias="node_slabinfo_active_objects",
    )
)  # fmt: skip
SLAB_BYTES = declare(
    Metric(
        "slab_bytes", Unit.BYTES, Kind.GAUGE, Group.FRAGMENTATION, SLABINFO,
        "Memory that is set aside for objects of one kind.", "slab",
    )
)  # fmt: skip
FREE_BLOCKS = declare(
    Metric(
        "free_blocks", Unit.COUNT, Kind.GAUGE, Group.FRAGMENTATION, BUDDYINFO,
        "Free pieces of memory of one size: order n has 2^n pages.", "zone", alias="node_buddyinfo_blocks",
    )
)  # fmt: skip

"""The catalogue, continued: control groups, that is services, and what a container's own record has no key for."""

from appliance.metrics import Group, Kind, Metric, Unit, declare

CGROUPS = "perfanalysis[cgroups]"
USEC = 1_000_000


def cgroup(key: str, name: str, unit: Unit, sentence: str, kind: Kind = Kind.COUNTER, per_unit: int = 1) -> Metric:
    metric = declare(Metric(f"cgroup_{name}", unit, kind, Group.CGROUP, CGROUPS, sentence, "cgroup", per_unit=per_unit))
    CGROUP_KEYS[key] = metric
    return metric


def seconds(key: str, name: str, sentence: str, kind: Kind = Kind.COUNTER) -> Metric:
    return cgroup(key, name, Unit.SECONDS, sentence, kind, USEC)


CGROUP_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of a group."""
CGROUP_CPU = seconds("cpu_usage_usec", "cpu_seconds_total", "CPU time used.")
CGROUP_CPU_USER = seconds("cpu_user_usec", "cpu_user_seconds_total", "CPU time in programs.")
CGROUP_CPU_SYSTEM = seconds("cpu_system_usec", "cpu_system_seconds_total", "CPU time in the kernel.")
CGROUP_PERIODS = cgroup("cpu_periods", "cpu_periods_total", Unit.COUNT, "Periods in which it could be held back.")
CGROUP_THROTTLED = cgroup("cpu_throttled", "cpu_throttled_periods_total", Unit.COUNT, "Periods it was held back.")
CGROUP_THROTTLED_TIME = seconds(
    "cpu_throttled_usec", "cpu_throttled_seconds_total", "Time it was held back, over its CPUs."
)
CGROUP_QUOTA = seconds("cpu_quota", "cpu_quota_seconds", "CPU time allowed a period; below 0 any.", Kind.GAUGE)
CGROUP_PERIOD = seconds("cpu_period", "cpu_period_seconds", "Length of a period.", Kind.GAUGE)
CGROUP_WEIGHT = cgroup(
    "cpu_weight", "cpu_weight", Unit.COUNT, "Share of the CPUs it gets when they are short; 100 is usual.", Kind.GAUGE
)
CGROUP_SHARES = cgroup(
    "cpu_shares", "cpu_shares", Unit.COUNT, "The same under version 1, where 1024 is usual.", Kind.GAUGE
)
CGROUP_MEMORY = cgroup("memory_current", "memory_bytes", Unit.BYTES, "Memory used, cache included.", Kind.GAUGE)
CGROUP_MEMORY_ANON = cgroup("memory_anon", "memory_anon_bytes", Unit.BYTES, "Programs' own memory.", Kind.GAUGE)
CGROUP_MEMORY_FILE = cgroup("memory_file", "memory_file_bytes", Unit.BYTES, "File cache.", Kind.GAUGE)
CGROUP_MEMORY_KERNEL = cgroup("memory_kernel", "memory_kernel_bytes", Unit.BYTES, "Kernel memory.", Kind.GAUGE)
CGROUP_MEMORY_SLAB = cgroup("memory_slab", "memory_slab_bytes", Unit.BYTES, "Kernel objects.", Kind.GAUGE)
CGROUP_MEMORY_PEAK = cgroup("memory_peak", "memory_peak_bytes", Unit.BYTES, "Most memory it ever used.", Kind.GAUGE)
CGROUP_MEMORY_MAX = cgroup("memory_max", "memory_max_bytes", Unit.BYTES, "Memory allowed.", Kind.GAUGE)
CGROUP_MEMORY_HIGH_LIMIT = cgroup(
    "memory_high", "memory_high_bytes", Unit.BYTES, "Memory above which it is slowed.", Kind.GAUGE
)
CGROUP_SWAP = cgroup("swap_current", "swap_bytes", Unit.BYTES, "Swap used.", Kind.GAUGE)
CGROUP_MEMORY_HIGH = cgroup(
    "memory_high_events", "memory_high_total", Unit.COUNT, "Times it was slowed for using more memory than it should."
)
CGROUP_OOM = cgroup("oom_events", "oom_total", Unit.COUNT, "Times it found no memory.")
CGROUP_OOM_KILLS = cgroup("oom_kills", "oom_kills_total", Unit.COUNT, "Its processes killed because memory ran out.")
CGROUP_READ_BYTES = cgroup("io_read_bytes", "read_bytes_total", Unit.BYTES, "Bytes read.")
CGROUP_WRITTEN_BYTES = cgroup("io_write_bytes", "written_bytes_total", Unit.BYTES, "Bytes written.")
CGROUP_READS = cgroup("io_read_ops", "reads_total", Unit.COUNT, "Reads.")
CGROUP_WRITES = cgroup("io_write_ops", "writes_total", Unit.COUNT, "Writes.")
CGROUP_TASKS = cgroup("pids_current", "tasks", Unit.LOAD, "Tasks.", Kind.GAUGE)
CGROUP_TASKS_MAX = cgroup("pids_max", "tasks_max", Unit.LOAD, "Tasks allowed.", Kind.GAUGE)
CGROUP_CPU_WAITING = seconds("cpu_some_usec", "cpu_waiting_seconds_total", "Time a task waited for a CPU.")
CGROUP_CPU_STALLED = seconds("cpu_full_usec", "cpu_stalled_seconds_total", "Time all its tasks waited for a CPU.")
CGROUP_MEMORY_WAITING = seconds("memory_some_usec", "memory_waiting_seconds_total", "Time a task waited for memory.")
CGROUP_MEMORY_STALLED = seconds(
    "memory_full_usec", "memory_stalled_seconds_total", "Time all its tasks waited for memory."
)
CGROUP_IO_WAITING = seconds("io_some_usec", "io_waiting_seconds_total", "Time a task waited for a disk.")
CGROUP_IO_STALLED = seconds("io_full_usec", "io_stalled_seconds_total", "Time all its tasks waited for a disk.")


def count(key: str, name: str, sentence: str) -> Metric:
    metric = declare(Metric(name, Unit.COUNT, Kind.GAUGE, Group.CGROUP, CGROUPS, sentence, "machine"))
    COUNT_KEYS[key] = metric
    return metric


COUNT_KEYS: dict[str, Metric] = {}
CGROUPS_ALL = count("groups", "cgroups", "Control groups that are recorded.")
CGROUPS_NOT_READ = count("not_read", "cgroups_not_read", "Control groups that were too many to be recorded.")

"""The catalogue, continued: the biggest processes of each interval, and counts of all."""

from appliance.metrics import Group, Kind, Metric, Per, Unit, declare

PROCESSES = "perfanalysis[processes]"


def metric(
    name: str, unit: Unit, kind: Kind, sentence: str, per: Per = "machine", per_unit: int = 1, alias: str = ""
) -> Metric:
    return declare(Metric(name, unit, kind, Group.PROCESS, PROCESSES, sentence, per, per_unit=per_unit, alias=alias))


def count(key: str, name: str, unit: Unit, sentence: str, alias: str = "") -> Metric:
    COUNT_KEYS[key] = metric(name, unit, Kind.GAUGE, sentence, alias=alias)
    return COUNT_KEYS[key]


COUNT_KEYS: dict[str, Metric] = {}
"""The metric of each number in the line that counts."""
PROCESSES_ALL = count("processes", "processes", Unit.COUNT, "Processes that exist.", "node_processes_pids")
NOT_LOOKED_AT = count(
    "not_looked_at", "processes_not_looked_at", Unit.COUNT,
    "Processes that were not looked at in the interval: asleep kernel threads, or there were too many, or hidden ones.",
)  # fmt: skip
THREADS = count("threads", "threads", Unit.COUNT, "Threads that exist.", "node_processes_threads")
PID_MAX = count(
    "pid_max",
    "processes_max",
    Unit.COUNT,
    "Processes and threads that may be numbered.",
    "node_processes_max_processes",
)
THREADS_MAX = count("threads_max", "threads_max", Unit.COUNT, "Threads that may be.", "node_processes_max_threads")


def state(letters: str, name: str, sentence: str) -> Metric:
    declared = metric(
        f"processes_{name}", Unit.COUNT, Kind.GAUGE, sentence, alias=f'node_processes_state{{state="{letters[0]}"}}'
    )
    STATES.update(dict.fromkeys(letters, declared))
    return declared


STATES: dict[str, Metric] = {}
"""The metric of each letter by which the kernel names a state."""
PROCESSES_RUNNING = state("R", "running", "Processes running or ready to run.")
PROCESSES_SLEEPING = state("S", "sleeping", "Processes that wait for something to happen.")
PROCESSES_BLOCKED = state("D", "blocked", "Processes in a wait that nothing interrupts, most often for a disk.")
PROCESSES_STOPPED = state("Tt", "stopped", "Processes stopped by somebody or by a debugger.")
PROCESSES_ZOMBIE = state("ZXx", "zombie", "Processes that ended and that their parent did not ask for.")
PROCESSES_IDLE = state("IPKW", "idle", "Threads of the kernel with nothing to do.")


def process(name: str, unit: Unit, kind: Kind, sentence: str, per_unit: int = 1) -> Metric:
    """There is a value only while the process is among the biggest."""
    return metric(f"process_{name}", unit, kind, sentence, "process", per_unit)


PROCESS_CPU = process("cpu_seconds", Unit.SECONDS, Kind.GROWTH, "CPU time used in the interval.", 100)
PROCESS_READ = process("read_bytes", Unit.BYTES, Kind.GROWTH, "Bytes read from disks in the interval.")
PROCESS_WRITTEN = process("written_bytes", Unit.BYTES, Kind.GROWTH, "Bytes written to disks in the interval.")
PROCESS_FAULTS = process("major_faults", Unit.COUNT, Kind.GROWTH, "Page faults in the interval that waited for a disk.")
PROCESS_MEMORY = process("resident_bytes", Unit.BYTES, Kind.GAUGE, "Memory it holds, shared parts included.")
PROCESS_THREADS = process("threads", Unit.COUNT, Kind.GAUGE, "Its threads.")
PROCESS_SWAP = process("swap_bytes", Unit.BYTES, Kind.GAUGE, "What it has in swap.")
PROCESS_FILES = process("open_files", Unit.COUNT, Kind.GAUGE, "Its open files, sockets and the like.")
PROCESS_VOLUNTARY = process(
    "voluntary_switches", Unit.COUNT, Kind.GROWTH, "Times in the interval that its first thread waited for something."
)
PROCESS_INVOLUNTARY = process(
    "involuntary_switches", Unit.COUNT, Kind.GROWTH, "Times in the interval that its first thread lost the CPU."
)
PROCESS_PID = process("pid", Unit.COUNT, Kind.GAUGE, "Number of the process; of several the biggest one's.")

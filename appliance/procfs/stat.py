"""/proc/stat: CPU time by mode, in all and per CPU, and the kernel's counts of activity."""

from collections.abc import Iterator

from appliance.metrics import (
    ALL_CPUS,
    BOOT_TIME,
    CONTEXT_SWITCHES,
    CPU_GUEST,
    CPU_GUEST_NICE,
    CPU_MODES,
    FORKS,
    INTERRUPTS,
    SOFTIRQS,
    TASKS_BLOCKED,
    TASKS_RUNNING,
)
from appliance.procfs import Value

# Kernels before 2.6.33 print fewer fields: what is not there is not collected.
FIELDS = (*CPU_MODES, CPU_GUEST, CPU_GUEST_NICE)
LINES = {
    "intr": INTERRUPTS,
    "ctxt": CONTEXT_SWITCHES,
    "btime": BOOT_TIME,
    "processes": FORKS,
    "procs_running": TASKS_RUNNING,
    "procs_blocked": TASKS_BLOCKED,
    "softirq": SOFTIRQS,
}


def parse(text: str) -> Iterator[Value]:
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu"):
            cpu = name[3:] or ALL_CPUS
            for metric, number in zip(FIELDS, rest.split(), strict=False):
                yield Value(metric, cpu, int(number))
        elif name in LINES:
            # The numbers behind the total of intr and softirq are one for each line: not kept.
            yield Value(LINES[name], "", int(rest.split(None, 1)[0]))

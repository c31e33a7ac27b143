"""
Machines made by a seed, and labelled cases of them: what an operator would say of each, written before the rules.

A machine is healthy in all that is recorded, with noise, a daily peak and short bursts; a case changes something for a
while. Half of the cases are clean or near misses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from appliance import cgroup_metrics as groups
from appliance import hardware_metrics as hardware
from appliance import metrics as m
from appliance import process_metrics as processes
from appliance import protocol_metrics as protocol
from appliance import recorder_metrics as recorder
from appliance.analysis.run import Run
from appliance.metrics import Kind, Metric
from appliance.samples import Column, Samples, Values

Floats = npt.NDArray[np.float64]
START_MS = 1_767_225_600_000
GIB = 1 << 30
OVER = 20_000
"""Counters begin above zero, as those of a machine that ran before."""


@dataclass
class Machine:
    """What happens on a machine in each of n intervals; a case changes it before `run` makes samples of it."""

    seed: int
    interval: float = 10.0
    cpus: int = 4
    n: int = 720
    load: float = 0.25
    """How busy its CPUs are on average."""
    rates: dict[Column, Floats] = field(default_factory=dict)
    """Of counters: growth a second, in the unit of the metric."""
    levels: dict[Column, Floats] = field(default_factory=dict)
    """Of gauges and of growth."""
    left_out: set[Metric] = field(default_factory=set)
    missing: npt.NDArray[np.bool_] | None = None
    """Samples that were not taken."""

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        day = np.sin(np.arange(self.n) * self.interval / 86_400 * 2 * np.pi)
        self.user = np.stack([self.load * (1 + 0.2 * day) * self.noise(0.25) for _ in range(self.cpus)])
        self.system = np.stack([0.05 * self.noise(0.3) for _ in range(self.cpus)])
        self.iowait = np.stack([0.01 * self.noise(0.5) for _ in range(self.cpus)])
        self.steal = np.stack([np.zeros(self.n) for _ in range(self.cpus)])
        self.set(m.TASKS_RUNNING, 1 + self.random.poisson(self.load * self.cpus, self.n))
        self.memory_used = 0.45 + 0.02 * day + 0.005 * self.random.standard_normal(self.n)
        self.swap_used = np.zeros(self.n)
        for metric in (m.SWAPPED_IN, m.SWAPPED_OUT, m.SCANNED_DIRECT, m.OOM_KILLS, m.MEMORY_WAITING, m.MEMORY_STALLED):
            self.set(metric, np.zeros(self.n))
        self.set(m.MAJOR_FAULTS, 2 * self.noise(0.5))
        self.set(m.CPU_WAITING, 0.02 * self.noise(0.5))
        self.set(m.IO_WAITING, 0.01 * self.noise(0.5))
        self.disk = {"bytes": 2e6 * self.noise(0.4), "requests": 60 * self.noise(0.3), "wait": 0.001 * self.noise(0.3)}
        self.queue: Floats | None = None
        self.busy: Floats | None = None
        self.full = {"/": np.full(self.n, 0.42), "/var": np.linspace(0.55, 0.56, self.n)}
        self.inodes = {"/": np.full(self.n, 0.2), "/var": np.full(self.n, 0.3)}
        for metric in (m.RECEIVED_PACKETS, m.SENT_PACKETS):
            self.set(metric, 400 * self.noise(0.3), "eth0")
        for metric in (m.RECEIVED_BYTES, m.SENT_BYTES):
            self.set(metric, 4e5 * self.noise(0.3), "eth0")
        for metric in (m.RECEIVED_ERRORS, m.SENT_ERRORS, m.RECEIVED_DROPS, m.SENT_DROPS):
            self.set(metric, np.zeros(self.n), "eth0")
        self.set(protocol.TCP_SENT, 350 * self.noise(0.3))
        self.set(protocol.TCP_RETRANSMITTED, 0.3 * self.noise(0.8))
        self.set(protocol.LISTEN_OVERFLOWS, np.zeros(self.n))
        self.set(protocol.CONNTRACK_ENTRIES, 9000 * self.noise(0.1))
        self.set(protocol.CONNTRACK_LIMIT, np.full(self.n, 65_536.0))
        self.set(hardware.FILES_OPEN, 4000 * self.noise(0.05))
        self.set(hardware.FILES_MAX, np.full(self.n, 400_000.0))
        self.set(hardware.CLOCK_SYNCHRONISED, np.ones(self.n))
        self.set(hardware.HUNG_TASKS, np.zeros(self.n))
        self.set(m.CONTAINER_PERIODS, np.full(self.n, 10.0), "c0ffee")
        self.set(m.CONTAINER_THROTTLED, np.zeros(self.n), "c0ffee")
        self.set(groups.CGROUP_PERIODS, np.full(self.n, 10.0), "web.service")
        self.set(groups.CGROUP_THROTTLED, np.zeros(self.n), "web.service")
        for metric in (recorder.RECORDER_LATE, recorder.RECORDER_LOST):
            self.set(metric, np.zeros(self.n))
        self.set(recorder.RECORDER_SAMPLES, np.full(self.n, 1 / self.interval))
        self.set(recorder.SOURCE_UNREAD, np.zeros(self.n), "/proc/stat")
        self.shares = {"java (app)": 0.5, "postgres (db)": 0.3, "nginx (web)": 0.15}
        self.extra: dict[str, Floats] = {}
        """CPUs that further processes use."""

    def noise(self, deviation: float) -> Floats:
        """Values around 1, at least 0, a little alike from one to the next as real ones are."""
        white = self.random.standard_normal(self.n + 2)
        return np.maximum(0, 1 + deviation * (white[:-2] + white[1:-1] + white[2:]) / np.sqrt(3))

    def set(self, metric: Metric, values: npt.ArrayLike, instance: str = "") -> None:
        kept = self.rates if metric.kind is Kind.COUNTER else self.levels
        kept[Column(metric, instance)] = np.asarray(values, np.float64)

    def put(self, metric: Metric, where: slice, value: npt.ArrayLike, instance: str = "") -> None:
        kept = self.rates if metric.kind is Kind.COUNTER else self.levels
        kept[Column(metric, instance)][where] = value

    def around(self, value: float, where: slice, deviation: float = 0.05) -> Floats:
        size = len(range(*where.indices(self.n)))
        return np.maximum(0, value * (1 + deviation * self.random.standard_normal(size)))

    def for_seconds(self, seconds: float, at: float = 0.5) -> slice:
        """Return the intervals of a stretch that begins at a share of the time."""
        first = int(self.n * at)
        return slice(first, first + max(1, round(seconds / self.interval)))

    def run(self, name: str = "made") -> Run:
        self.finish()
        at_ms = START_MS + (np.arange(self.n + 1) * self.interval * 1000).astype(np.int64)
        kept = np.ones(self.n + 1, bool) if self.missing is None else np.concatenate([[True], ~self.missing])
        tables: dict[m.Group, dict[Column, Values]] = {}
        for column, rates in self.rates.items():
            grown = np.concatenate([[OVER], rates * self.interval])
            tables.setdefault(column.metric.group, {})[column] = self.whole(column, np.cumsum(grown))
        for column, levels in self.levels.items():
            tables.setdefault(column.metric.group, {})[column] = self.whole(
                column, np.concatenate([levels[:1], levels])
            )
        return Run(
            name,
            [
                Samples(name, 0, group, at_ms, recorded).take(kept)
                for group, columns in tables.items()
                if (recorded := {key: values for key, values in columns.items() if key.metric not in self.left_out})
            ],
        )

    def whole(self, column: Column, values: Floats) -> Values:
        return Values(np.floor(values * column.metric.per_unit).astype(np.int64))

    def finish(self) -> None:
        self.finish_cpus()
        total = 16 * GIB
        self.set(m.MEMORY_TOTAL, np.full(self.n, float(total)))
        self.set(m.MEMORY_AVAILABLE, total * (1 - self.memory_used))
        self.set(m.MEMORY_SWAP_TOTAL, np.full(self.n, 4.0 * GIB))
        self.set(m.MEMORY_SWAP_FREE, 4.0 * GIB * (1 - self.swap_used))
        requests, wait = self.disk["requests"], self.disk["wait"]
        queue = requests * wait if self.queue is None else self.queue
        busy = np.minimum(0.99, queue) if self.busy is None else self.busy
        for metric, values in (
            (m.DISK_READS, requests / 2), (m.DISK_WRITES, requests / 2), (m.DISK_READ_TIME, requests * wait / 2),
            (m.DISK_WRITE_TIME, requests * wait / 2), (m.DISK_READ_BYTES, self.disk["bytes"] / 2),
            (m.DISK_WRITTEN_BYTES, self.disk["bytes"] / 2), (m.DISK_WEIGHTED, queue), (m.DISK_BUSY, busy),
        ):  # fmt: skip
            self.set(metric, values, "sda")
            self.set(metric, values, "sda1")
        for mount, used in self.full.items():
            self.set(m.FILESYSTEM_SIZE, np.full(self.n, 1e7), mount)
            for metric in (m.FILESYSTEM_FREE, m.FILESYSTEM_AVAILABLE):
                self.set(metric, 1e7 * (1 - used), mount)
        for mount, used in self.inodes.items():
            self.set(m.INODES, np.full(self.n, 1e6), mount)
            self.set(m.INODES_FREE, 1e6 * (1 - used), mount)

    def finish_cpus(self) -> None:
        system = np.minimum(self.system, np.maximum(0, 1 - self.steal))
        user = np.minimum(np.maximum(self.user, 0), np.maximum(0, 1 - system - self.steal))
        iowait = np.minimum(self.iowait, np.maximum(0, 1 - user - system - self.steal))
        idle = np.maximum(0, 1 - user - system - iowait - self.steal)
        nothing = np.zeros_like(user)
        modes = (user, nothing, system, idle, iowait, nothing, nothing, self.steal)
        for metric, values in zip(m.CPU_MODES, modes, strict=True):
            self.set(metric, values.sum(axis=0), m.ALL_CPUS)
            for cpu in range(self.cpus):
                self.set(metric, values[cpu], str(cpu))
        extra = sum(self.extra.values(), np.zeros(self.n))
        rest = np.maximum(0, (user + system).sum(axis=0) - extra)
        for name, used in {**{name: share * rest for name, share in self.shares.items()}, **self.extra}.items():
            self.set(processes.PROCESS_CPU, used * self.interval, name)
            self.set(processes.PROCESS_MEMORY, np.full(self.n, 1.0 * GIB), name)


@dataclass(frozen=True)
class Case:
    name: str
    expected: frozenset[str]
    """Rules of which an operator would want to hear."""
    make: Callable[..., Machine]
    """Given a number, with the noise of another seed."""
    allowed: frozenset[str] = frozenset()
    """Rules that say the same from another side: right if they speak, and right if they do not."""


Change = Callable[[Machine], None]
CASES: list[Case] = []


def case(
    name: str, expected: str = "", allowed: str = "", *, variants: int = 2, **shape: float
) -> Callable[[Change], Change]:
    """Add a case in several variants, which differ in seed, interval and number of CPUs."""

    def add(change: Change) -> Change:
        for variant in range(variants):
            number = len(CASES)
            interval, cpus = (10.0, 1.0, 60.0)[(number + variant) % 3], (4, 2, 8, 1, 16)[number % 5]
            given = {"seed": 1000 + number, "interval": interval, "cpus": cpus, **shape}
            given.setdefault("n", {1.0: 3600, 10.0: 1440, 60.0: 1440}[float(given["interval"])])

            def make(further: int = 0, given: dict[str, float] = given) -> Machine:
                machine = Machine(**{**given, "seed": given["seed"] + further})  # type: ignore[arg-type]
                change(machine)
                return machine

            label = f"{name}, {given['interval']:g} s, {given['cpus']} CPUs, seed {given['seed']}"
            CASES.append(Case(label, frozenset(expected.split()), make, frozenset(allowed.split())))
        return change

    return add


def busy_cpus(machine: Machine, where: slice, share: float, deviation: float = 0.03) -> None:
    for cpu in range(machine.cpus):
        machine.user[cpu, where] = machine.around(share - 0.05, where, deviation)


def ready(machine: Machine, where: slice, per_cpu: float) -> None:
    size = len(range(*where.indices(machine.n)))
    machine.put(m.TASKS_RUNNING, where, 1 + machine.random.poisson(per_cpu * machine.cpus, size))


# What an operator wants to hear of.


@case("a build keeps all CPUs busy for half an hour", "cpu-saturated", "run-queue", variants=3)
def _(machine: Machine) -> None:
    busy_cpus(machine, machine.for_seconds(1800), 0.99)


@case("CPUs at 95 % for ten minutes with dips", "cpu-saturated", "run-queue")
def _(machine: Machine) -> None:
    where = machine.for_seconds(600)
    busy_cpus(machine, where, 0.96, 0.02)
    busy_cpus(machine, slice(where.start + 4, where.start + 5), 0.6)


@case("one thread pinned to a core", "core-saturated", cpus=4)
def _(machine: Machine) -> None:
    machine.user[1, machine.for_seconds(1200)] = 0.97


@case("interrupts keep the first of sixteen CPUs full", "core-saturated", cpus=16)
def _(machine: Machine) -> None:
    machine.system[0, machine.for_seconds(900)] = 0.99


@case("a crowd of small tasks stands in line", "run-queue cpu-saturated", variants=3)
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    busy_cpus(machine, where, 0.99)
    ready(machine, where, 5)


@case("a noisy neighbour takes a fifth of the CPU time", "steal", "cpu-saturated")
def _(machine: Machine) -> None:
    machine.steal[:, machine.for_seconds(1500)] = 0.2


@case("a rotating disk is asked for too much", "io-wait disk-saturated", "throughput-cap")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.iowait[:, where] = 0.65
    machine.disk["wait"][where] = machine.around(0.08, where, 0.1)
    machine.disk["requests"][where] = machine.around(150, where, 0.1)


@case("a disk with a long queue and idle CPUs", "disk-saturated", "io-wait throughput-cap")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.iowait[:, where] = 0.15
    machine.disk["wait"][where] = machine.around(0.12, where, 0.15)
    machine.disk["requests"][where] = machine.around(90, where, 0.15)


@case("a copy runs into the 56 MB/s of a cloud disk", "throughput-cap", "disk-saturated io-wait", variants=3)
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.iowait[:, where] = 0.3
    machine.disk["bytes"][where] = machine.around(56e6, where, 0.003)
    machine.disk["requests"][where] = machine.around(430, where, 0.03)
    machine.disk["wait"][where] = machine.around(0.0045, where, 0.05)


@case("tasks wait for memory", "memory-pressure", "memory-short")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(m.MEMORY_WAITING, where, machine.around(0.4, where, 0.15))
    machine.put(m.MEMORY_STALLED, where, machine.around(0.15, where, 0.2))


@case("a leak leaves four percent of the memory", "memory-short", "memory-pressure")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1800)
    machine.memory_used[where] = 0.96


@case("programs must free memory themselves", "direct-reclaim", "memory-pressure")
def _(machine: Machine) -> None:
    where = machine.for_seconds(600)
    machine.put(m.SCANNED_DIRECT, where, machine.around(6000, where, 0.3))


@case("the machine thrashes", "swapping", "memory-pressure memory-short io-wait", variants=3)
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.swap_used[where] = 0.6
    machine.put(m.SWAPPED_IN, where, machine.around(900, where, 0.3))
    machine.put(m.SWAPPED_OUT, where, machine.around(1100, where, 0.3))


@case("the kernel kills a process", "oom-kill")
def _(machine: Machine) -> None:
    machine.put(m.OOM_KILLS, machine.for_seconds(1), 1.001 / machine.interval)


@case("a task hangs", "hung-tasks")
def _(machine: Machine) -> None:
    machine.put(hardware.HUNG_TASKS, machine.for_seconds(1), 1.001 / machine.interval)


@case("/var is 93 % full at the end", "filesystem-full", "filesystem-filling")
def _(machine: Machine) -> None:
    machine.full["/var"] = np.linspace(0.92, 0.93, machine.n)


@case("a log fills /var within hours", "filesystem-filling", interval=10.0, n=2160)
def _(machine: Machine) -> None:
    machine.full["/var"] = np.linspace(0.5, 0.83, machine.n) + 0.001 * machine.noise(0.2)


@case("sessions use up the inodes", "inodes-full")
def _(machine: Machine) -> None:
    machine.inodes["/var"] = np.linspace(0.9, 0.97, machine.n)


@case("a container lives at its quota", "container-throttled")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.put(m.CONTAINER_THROTTLED, where, machine.around(7, where, 0.1), "c0ffee")


@case("a service lives at its quota", "service-throttled")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.put(groups.CGROUP_THROTTLED, where, machine.around(6, where, 0.1), "web.service")


@case("a bad cable", "network-errors")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1800)
    machine.put(m.RECEIVED_ERRORS, where, machine.around(20, where, 0.3), "eth0")


@case("a receive ring overruns", "network-drops")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(m.RECEIVED_DROPS, where, machine.around(30, where, 0.3), "eth0")


@case("a lossy path", "retransmits")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(protocol.TCP_RETRANSMITTED, where, machine.around(22, where, 0.2))


@case("an accept queue overflows", "listen-overflows")
def _(machine: Machine) -> None:
    machine.put(protocol.LISTEN_OVERFLOWS, machine.for_seconds(300), 0.5)


@case("the connection table fills", "conntrack")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.put(protocol.CONNTRACK_ENTRIES, where, machine.around(58_000, where, 0.01))


@case("a program leaks files", "file-handles")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.put(hardware.FILES_OPEN, where, machine.around(330_000, where, 0.01))


@case("the time service is stopped", "clock")
def _(machine: Machine) -> None:
    machine.put(hardware.CLOCK_SYNCHRONISED, slice(machine.n // 3, machine.n), 0)


@case("two hours are missing", "gaps", interval=60.0)
def _(machine: Machine) -> None:
    machine.missing = np.zeros(machine.n, bool)
    machine.missing[machine.for_seconds(7200)] = True


@case("the recorder finds no room on the disk", "recorder")
def _(machine: Machine) -> None:
    machine.put(recorder.RECORDER_LOST, machine.for_seconds(600), 1 / machine.interval)


@case("the recorder cannot read a source", "recorder")
def _(machine: Machine) -> None:
    machine.put(recorder.SOURCE_UNREAD, slice(machine.n // 2, machine.n), 1.001 / machine.interval, "/proc/stat")


# The same, less plain.


@case("CPUs around 94 % for eight minutes", "cpu-saturated", "run-queue")
def _(machine: Machine) -> None:
    busy_cpus(machine, machine.for_seconds(480), 0.95, 0.04)


@case("a steal of an eighth that comes and goes a little", "steal")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1200)
    machine.steal[:, where] = machine.around(0.13, where, 0.25)


@case("some hundred pages a second go to swap and back", "swapping", "memory-pressure")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(m.SWAPPED_IN, where, machine.around(120, where, 0.4))
    machine.put(m.SWAPPED_OUT, where, machine.around(100, where, 0.4))


@case("a twentieth of all segments is sent again", "retransmits")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(protocol.TCP_RETRANSMITTED, where, machine.around(17, where, 0.4))


@case("a disk takes 40 ms with seven requests under way", "disk-saturated", "io-wait throughput-cap")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.iowait[:, where] = 0.3
    machine.disk["wait"][where] = machine.around(0.04, where, 0.25)
    machine.disk["requests"][where] = machine.around(180, where, 0.2)


@case("a container held back in two periods of five", "container-throttled")
def _(machine: Machine) -> None:
    where = machine.for_seconds(900)
    machine.put(m.CONTAINER_THROTTLED, where, machine.around(4, where, 0.4), "c0ffee")


# What an operator does not want to hear of.


@case("a healthy machine", variants=6)
def _(machine: Machine) -> None:
    pass


@case("CPUs steadily at 80 %", variants=3)
def _(machine: Machine) -> None:
    busy_cpus(machine, machine.for_seconds(1800), 0.80, 0.04)


@case("CPUs at 85 % with a peak of one sample")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1800)
    busy_cpus(machine, where, 0.85, 0.02)
    busy_cpus(machine, slice(where.start + 3, where.start + 4), 1.0)


@case("CPUs full for forty seconds", interval=10.0)
def _(machine: Machine) -> None:
    busy_cpus(machine, machine.for_seconds(40), 1.0)


@case("CPUs full in one sample in twenty", variants=3)
def _(machine: Machine) -> None:
    for first in range(0, machine.n, 20):
        busy_cpus(machine, slice(first, first + 1), 1.0)


@case("sixty-four CPUs at 70 %, each full now and then", cpus=64, interval=10.0, n=720)
def _(machine: Machine) -> None:
    where = slice(0, machine.n)
    for cpu in range(machine.cpus):
        machine.user[cpu] = np.minimum(1, machine.around(0.65, where, 0.3))


@case("sixteen CPUs that together use the time of one", cpus=16)
def _(machine: Machine) -> None:
    machine.user[:] *= 0.05 / machine.load
    machine.system[:] = 0.0125


@case("four CPUs at a quarter each, one of them full in one sample", cpus=4)
def _(machine: Machine) -> None:
    machine.user[:] = 0.95 * machine.around(0.22, slice(0, machine.n), 0.02)
    machine.system[:] = 0.03
    machine.user[2, machine.for_seconds(1)] = 1.0


@case("one core full for half a minute", cpus=4, interval=1.0)
def _(machine: Machine) -> None:
    machine.user[1, machine.for_seconds(30)] = 1.0


@case("three tasks ready on two CPUs", cpus=2)
def _(machine: Machine) -> None:
    where = machine.for_seconds(1800)
    busy_cpus(machine, where, 0.75)
    ready(machine, where, 1.1)


@case("steal of 3 %")
def _(machine: Machine) -> None:
    machine.steal[:, machine.for_seconds(3600)] = 0.03


@case("a busy and healthy NVMe", variants=4)
def _(machine: Machine) -> None:
    machine.disk["bytes"] = 900e6 * machine.noise(0.15)
    machine.disk["requests"] = 40_000 * machine.noise(0.15)
    machine.disk["wait"] = 0.0003 * machine.noise(0.1)
    machine.busy = np.full(machine.n, 0.99)


@case("one reader waits all day for a fast disk", cpus=1)
def _(machine: Machine) -> None:
    machine.iowait[:] = 0.6
    machine.user[:] *= 0.3
    machine.disk["requests"] = 3000 * machine.noise(0.2)
    machine.disk["bytes"] = 48e6 * machine.noise(0.2)
    machine.disk["wait"] = 0.00025 * machine.noise(0.1)


@case("a slow but nearly idle disk")
def _(machine: Machine) -> None:
    machine.disk["requests"] = 3 * machine.noise(0.3)
    machine.disk["wait"] = 0.05 * machine.noise(0.2)


@case("a burst of writes for a few samples", interval=10.0)
def _(machine: Machine) -> None:
    where = machine.for_seconds(40)
    machine.disk["wait"][where], machine.disk["requests"][where] = 0.3, 100
    machine.iowait[:, where] = 0.7


@case("a steady stream far below what the disk can")
def _(machine: Machine) -> None:
    where = machine.for_seconds(1800)
    machine.disk["bytes"][where] = machine.around(20e6, where, 0.002)


@case("memory full of page cache")
def _(machine: Machine) -> None:
    machine.memory_used[:] = machine.memory_used * 0.8
    machine.put(m.MAJOR_FAULTS, slice(0, machine.n), 1)


@case("memory at 86 % all day")
def _(machine: Machine) -> None:
    machine.memory_used[:] = 0.86 + 0.005 * machine.random.standard_normal(machine.n)


@case("swap used and quiet")
def _(machine: Machine) -> None:
    machine.swap_used[:] = 0.7


@case("idle pages are put away once", interval=10.0)
def _(machine: Machine) -> None:
    machine.put(m.SWAPPED_OUT, machine.for_seconds(120), 800)


@case("a burst of direct reclaim in one sample")
def _(machine: Machine) -> None:
    machine.put(m.SCANNED_DIRECT, machine.for_seconds(1), 20_000)


@case("a little memory pressure")
def _(machine: Machine) -> None:
    machine.put(m.MEMORY_WAITING, machine.for_seconds(1800), 0.06)


@case("a container throttled once")
def _(machine: Machine) -> None:
    machine.put(m.CONTAINER_THROTTLED, machine.for_seconds(1), 9, "c0ffee")


@case("a service throttled in 5 % of its periods")
def _(machine: Machine) -> None:
    machine.put(groups.CGROUP_THROTTLED, slice(0, machine.n), 0.5, "web.service")


@case("file systems at 85 % that do not grow")
def _(machine: Machine) -> None:
    machine.full["/var"] = 0.85 + 0.0005 * machine.random.standard_normal(machine.n)


@case("a file system that was full and was emptied")
def _(machine: Machine) -> None:
    machine.full["/var"] = np.where(np.arange(machine.n) < machine.n // 2, 0.97, 0.4)


@case("scratch space that fills and empties", interval=60.0)
def _(machine: Machine) -> None:
    machine.full["/var"] = 0.6 + 0.25 * (np.arange(machine.n) % 120) / 120


@case("an image that grows slowly")
def _(machine: Machine) -> None:
    machine.full["/var"] = np.linspace(0.7, 0.7 + 0.0002 * machine.n * machine.interval / 3600, machine.n)


@case("a few network errors, drops and segments sent again")
def _(machine: Machine) -> None:
    machine.put(m.RECEIVED_ERRORS, slice(0, machine.n, 50), 1, "eth0")
    machine.put(m.RECEIVED_DROPS, slice(0, machine.n, 30), 2, "eth0")
    machine.put(protocol.TCP_RETRANSMITTED, slice(0, machine.n), 3)


@case("half of very few packets dropped")
def _(machine: Machine) -> None:
    for metric in (m.RECEIVED_PACKETS, m.SENT_PACKETS):
        machine.put(metric, slice(0, machine.n), 0.5, "eth0")
    machine.put(m.RECEIVED_DROPS, slice(0, machine.n), 0.25, "eth0")


@case("one overflow of an accept queue at a start")
def _(machine: Machine) -> None:
    machine.put(protocol.LISTEN_OVERFLOWS, machine.for_seconds(1), 2.001 / machine.interval)


@case("connection table and files at 60 %")
def _(machine: Machine) -> None:
    machine.put(protocol.CONNTRACK_ENTRIES, slice(0, machine.n), 39_000)
    machine.put(hardware.FILES_OPEN, slice(0, machine.n), 240_000)


@case("a clock not synchronised for two minutes after a start")
def _(machine: Machine) -> None:
    machine.put(hardware.CLOCK_SYNCHRONISED, machine.for_seconds(120, 0), 0)


@case("one sample is missing", interval=10.0)
def _(machine: Machine) -> None:
    machine.missing = np.zeros(machine.n, bool)
    machine.missing[machine.n // 2] = True


@case("one reading fails and one sample comes late")
def _(machine: Machine) -> None:
    machine.put(recorder.SOURCE_UNREAD, machine.for_seconds(1), 1.001 / machine.interval, "/proc/stat")
    machine.put(recorder.RECORDER_LATE, machine.for_seconds(1), 1.001 / machine.interval)


@case("much is not recorded", variants=2)
def _(machine: Machine) -> None:
    machine.left_out = {m.MEMORY_WAITING, m.MEMORY_STALLED, m.SCANNED_DIRECT, protocol.TCP_SENT, m.STOLEN_DIRECT}

"""
The numbers of one control group, of version 2 or 1, under the keys of a container record.

What a kernel or a group does not have is not there. No limit is the largest number; for CPU time -1, as in version 1.
"""

import os
from collections.abc import Callable, Mapping

Numbers = dict[str, int]
READ_BYTES = 16 << 10
NO_LIMIT = 2**64 - 1
LARGEST_PAGES = 2**62
"""Version 1 prints as many whole pages as there can be where there is no limit."""
USEC_A_TICK = 10_000
"""Version 1 counts user and system time in ticks of 1/100 s."""

# Fields of files that have a name and a number a line.
CPU_2 = {
    "usage_usec": "cpu_usage_usec", "user_usec": "cpu_user_usec", "system_usec": "cpu_system_usec",
    "nr_periods": "cpu_periods", "nr_throttled": "cpu_throttled", "throttled_usec": "cpu_throttled_usec",
}  # fmt: skip
MEMORY_2 = {"anon": "memory_anon", "file": "memory_file", "kernel": "memory_kernel", "slab": "memory_slab"}
EVENTS_2 = {"high": "memory_high_events", "oom": "oom_events", "oom_kill": "oom_kills"}
CPU_1 = {"nr_periods": "cpu_periods", "nr_throttled": "cpu_throttled", "throttled_time": "cpu_throttled_usec"}
TIME_1 = {"user": "cpu_user_usec", "system": "cpu_system_usec"}
MEMORY_1 = {"total_rss": "memory_anon", "total_cache": "memory_file", "total_swap": "swap_current"}
IO_2 = {"rbytes": "io_read_bytes", "wbytes": "io_write_bytes", "rios": "io_read_ops", "wios": "io_write_ops"}
IO_1 = {
    ("io_service_bytes", "Read"): "io_read_bytes", ("io_service_bytes", "Write"): "io_write_bytes",
    ("io_serviced", "Read"): "io_read_ops", ("io_serviced", "Write"): "io_write_ops",
}  # fmt: skip


class Tree:
    """The control groups of a machine: where they are, and which version its kernel has them in."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.unified = os.path.exists(f"{root}/cgroup.controllers")  # noqa: PTH110
        """Version 2 alone. A hybrid has the controllers in version 1, and pressure in version 2 beside them."""
        places = ("memory", "cpuacct", "cpu", "pids", "blkio", "systemd")
        first = next((place for place in places if os.path.isdir(f"{root}/{place}")), "")  # noqa: PTH112
        self.top = root if self.unified else f"{root}/{first}" if first else ""
        """Where to look for groups; "" where there are none."""

    def contained(self) -> bool:
        """Say whether the top is a group with limits, as it is inside of a container."""
        if self.unified:
            # The real root has no such file.
            return os.path.exists(f"{self.root}/memory.current")  # noqa: PTH110
        limits = self.limits("")
        return limits.get("memory_max", NO_LIMIT) < LARGEST_PAGES or limits.get("cpu_quota", -1) > 0

    def usage(self, group: str) -> Numbers:
        """Return what says whether a group did anything: CPU time used and memory held. Raise OSError if it is gone."""
        if self.unified:
            path = self.root + group
            found = fields(f"{path}/cpu.stat", CPU_2) | single(f"{path}/memory.current", "memory_current")
        else:
            used = single(f"{self.root}/cpuacct{group}/cpuacct.usage", "cpu_usage_usec")
            found = {key: nanoseconds // 1000 for key, nanoseconds in used.items()}
            found |= single(f"{self.root}/memory{group}/memory.usage_in_bytes", "memory_current")
        if not found:
            os.stat(self.top + group)  # noqa: PTH116
        return found

    def rest(self, group: str) -> Numbers:
        """Return everything else but limits and what memory is used for."""
        if self.unified:
            path = self.root + group
            return (
                io(f"{path}/io.stat")
                | single(f"{path}/memory.peak", "memory_peak")
                | single(f"{path}/memory.swap.current", "swap_current")
                | fields(f"{path}/memory.events", EVENTS_2)
                | single(f"{path}/pids.current", "pids_current")
                | pressure(path)
            )
        memory = f"{self.root}/memory{group}"
        periods = fields(f"{self.root}/cpu{group}/cpu.stat", CPU_1)
        if "cpu_throttled_usec" in periods:
            periods["cpu_throttled_usec"] //= 1000
        times = fields(f"{self.root}/cpuacct{group}/cpuacct.stat", TIME_1)
        return (
            periods
            | {key: ticks * USEC_A_TICK for key, ticks in times.items()}
            | io_of_version_1(f"{self.root}/blkio{group}")
            | single(f"{memory}/memory.max_usage_in_bytes", "memory_peak")
            | fields(f"{memory}/memory.oom_control", {"oom_kill": "oom_kills"})
            | single(f"{self.root}/pids{group}/pids.current", "pids_current")
            | pressure(f"{self.root}/unified{group}")
        )

    def limits(self, group: str) -> Numbers:
        if self.unified:
            path = self.root + group
            return (
                quota(f"{path}/cpu.max")
                | single(f"{path}/cpu.weight", "cpu_weight")
                | single(f"{path}/memory.max", "memory_max")
                | single(f"{path}/memory.high", "memory_high")
                | single(f"{path}/pids.max", "pids_max")
            )
        cpu = f"{self.root}/cpu{group}"
        return (
            single(f"{cpu}/cpu.cfs_quota_us", "cpu_quota")
            | single(f"{cpu}/cpu.cfs_period_us", "cpu_period")
            | single(f"{cpu}/cpu.shares", "cpu_shares")
            | single(f"{self.root}/memory{group}/memory.limit_in_bytes", "memory_max")
            | single(f"{self.root}/pids{group}/pids.max", "pids_max")
        )

    def memory(self, group: str) -> Numbers:
        """Return what memory is used for: a long file, which the kernel sums up over all CPUs when it is read."""
        if self.unified:
            return fields(f"{self.root}{group}/memory.stat", MEMORY_2)
        path = f"{self.root}/memory{group}"
        return fields(f"{path}/memory.stat", MEMORY_1) | single(f"{path}/memory.kmem.usage_in_bytes", "memory_kernel")


def quietly(read: Callable[..., Numbers]) -> Callable[..., Numbers]:
    """A file that a kernel does not have, or that says what is not understood, costs only its own numbers."""

    def attempt(*arguments: object) -> Numbers:
        try:
            return read(*arguments)
        except (OSError, ValueError, IndexError):
            return {}

    return attempt


def text_of(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, READ_BYTES).decode("ascii", "replace")
    finally:
        os.close(descriptor)


def number(word: str) -> int:
    return NO_LIMIT if word == "max" else int(word)


@quietly
def single(path: str, key: str) -> Numbers:
    return {key: number(text_of(path).strip())}


@quietly
def fields(path: str, keys: Mapping[str, str]) -> Numbers:
    found = {}
    for line in text_of(path).splitlines():
        name, _, word = line.partition(" ")
        if name in keys:
            found[keys[name]] = int(word)
    return found


@quietly
def quota(path: str) -> Numbers:
    """cpu.max is "max 100000" or "50000 100000": microseconds allowed in each period."""
    allowed, period = text_of(path).split()
    return {"cpu_quota": -1 if allowed == "max" else int(allowed), "cpu_period": int(period)}


@quietly
def io(path: str) -> Numbers:
    """A line for each disk that it used: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"."""
    found = dict.fromkeys(IO_2.values(), 0)
    for line in text_of(path).splitlines():
        for word in line.split()[1:]:
            name, _, amount = word.partition("=")
            if name in IO_2:
                found[IO_2[name]] += int(amount)
    return found


def io_of_version_1(path: str) -> Numbers:
    """Sum "8:0 Read 4096" over the disks; the recursive file, newer, has the groups below in it too."""
    found: Numbers = {}
    for (file, kind), key in IO_1.items():
        for name in (f"{path}/blkio.throttle.{file}_recursive", f"{path}/blkio.throttle.{file}"):
            if got := operations(name, kind, key):
                found |= got
                break
    return found


@quietly
def operations(path: str, kind: str, key: str) -> Numbers:
    words = [line.split() for line in text_of(path).splitlines()]
    return {key: sum(int(word[2]) for word in words if len(word) == 3 and word[1] == kind)}


def pressure(path: str) -> Numbers:
    found: Numbers = {}
    for resource in ("cpu", "memory", "io"):
        found |= waited(f"{path}/{resource}.pressure", resource)
    return found


@quietly
def waited(path: str, resource: str) -> Numbers:
    """The kernel counts microseconds: "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234"."""
    found = {}
    for line in text_of(path).splitlines():
        found[f"{resource}_{line.partition(' ')[0]}_usec"] = int(line.rpartition("total=")[2])
    return found

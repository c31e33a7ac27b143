"""
Control groups: containers, each a record of the original's form, and services, all in one record of ours.

A group is some ten files: they are read every ten seconds, or at each sample where samples are further apart; all but
two of them only if the group did something. The tree is walked when a folder in it came or went.
"""

import json
import os
import time
from collections.abc import Callable, Iterator

from appliance.collect import control_groups
from appliance.collect.cgroup_files import Numbers, Tree
from appliance.collect.sources import NOT_NOW, Source

SUBSYSTEM = "perfanalysis[cgroups]"
SECONDS = 10
TOLERANCE_SECONDS = 0.5
MOST_GROUPS = 256
"""Some 20 ms every ten seconds; how many were not read is in the record."""
WALK_SECONDS, LIMITS_SECONDS = 60, 60
"""How long the tree and the limits of a group are believed in any case."""
MOST_DEPTH = 8
CONTAINER_KEYS = (
    "cpu_period", "cpu_periods", "cpu_quota", "cpu_system_usec", "cpu_throttled", "cpu_throttled_usec",
    "cpu_usage_usec", "cpu_user_usec", "io_read_bytes", "io_read_ops", "io_write_bytes", "io_write_ops", "memory_anon",
    "memory_current", "memory_file", "memory_kernel", "memory_max", "memory_slab", "pids_current", "pids_max",
)  # fmt: skip
"""Those of a container's record; what else there is of a container is in the record of ours."""

USERS = "/user.slice"
LEAVES = (".service", ".scope", ".socket", ".mount", ".swap")
UNITS = (*LEAVES, ".slice")
PARENTS = {"docker", "podman", "libpod_parent", "kubepods", "lxc", "containerd", "garden", "machine"}
"""They hold containers and are no group of their own."""


def source(root: str, monotonic: Callable[[], float] = time.monotonic, cgroup: str = "") -> Source:
    """Make the source from the place of /proc, which /sys is beside."""
    groups = Groups(Tree(cgroup or f"{os.path.dirname(root).rstrip('/')}/sys/fs/cgroup"))  # noqa: PTH120
    before = float("-inf")

    def read() -> dict[str, str]:
        nonlocal before
        now = monotonic()
        if now - before < SECONDS - TOLERANCE_SECONDS:
            return NOT_NOW
        before = now
        return groups.sample(now)

    return Source(SUBSYSTEM, read)


class Group:
    """One group, and what was read of it last."""

    def __init__(self, path: str, identity: tuple[str, str] | None) -> None:
        self.path = path
        self.container = identity
        self.usage: Numbers = {}
        self.rest: Numbers = {}
        self.limits: Numbers = {}
        self.limited = float("-inf")

    @property
    def name(self) -> str:
        """What people call it: a container's runtime and the start of its id, a unit's name, else its path."""
        if self.container is not None:
            return f"{self.container[0]}/{self.container[1][:12]}"
        return control_groups.unit(self.path) or self.path or "/"

    def read(self, tree: Tree, now: float) -> Numbers:
        """Return all of its numbers; raise OSError if it is gone."""
        usage = tree.usage(self.path)
        if now - self.limited >= LIMITS_SECONDS:
            self.limits, self.limited = tree.limits(self.path), now
        if usage != self.usage:
            self.rest = tree.rest(self.path) | tree.memory(self.path)
            self.usage = usage
        return usage | self.rest | self.limits


class Groups:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.groups: dict[str, Group] = {}
        self.folders: dict[str, int] = {}
        self.walked = float("-inf")
        self.shed = 0

    def sample(self, now: float) -> dict[str, str]:
        """Return the records of one time, by subsystem."""
        if not self.tree.top:
            raise FileNotFoundError(2, "this machine has no control groups")
        if now - self.walked >= WALK_SECONDS or self.changed():
            self.walk()
            self.walked = now
        records: dict[str, str] = {}
        lines = []
        for group in self.groups.values():
            try:
                numbers = group.read(self.tree, now)
            except OSError:
                continue
            if group.container is not None:
                runtime, full = group.container
                records[f"container/{runtime}/{full[:12]}"] = container_record(runtime, full, numbers)
                numbers = {key: amount for key, amount in numbers.items() if key not in CONTAINER_KEYS}
            lines.append(json.dumps({"group": group.name, **numbers}, separators=(",", ":")))
        head = json.dumps({"groups": len(self.groups), "not_read": self.shed}, separators=(",", ":"))
        return {**records, SUBSYSTEM: "\n".join([head, *lines]) + "\n"}

    def changed(self) -> bool:
        """Say whether a folder came or went below one that was walked: it has a link for each."""
        try:
            return any(os.stat(path).st_nlink != links for path, links in self.folders.items())  # noqa: PTH116
        except OSError:
            return True

    def walk(self) -> None:
        """Find the groups anew, containers first, and keep what is known of those that stay."""
        self.folders = {}
        found = sorted(self.below(""), key=lambda pair: (pair[1] is None, pair[0]))
        if self.tree.contained():
            found.insert(0, ("", None))
        self.shed = max(0, len(found) - MOST_GROUPS)
        known = self.groups
        self.groups = {path: known.get(path) or Group(path, identity) for path, identity in found[:MOST_GROUPS]}

    def below(self, path: str, depth: int = 0) -> Iterator[tuple[str, tuple[str, str] | None]]:
        """Give the groups below one that are recorded, and which container each is."""
        if depth > MOST_DEPTH:
            return
        folder = self.tree.top + path
        try:
            links = os.stat(folder).st_nlink  # noqa: PTH116
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            return
        self.folders[folder] = links
        for name in names:
            child = f"{path}/{name}"
            if (identity := control_groups.container(child)) is not None:
                yield child, identity
            elif is_recorded(child, name):
                yield child, None
            if identity is None and not name.endswith(LEAVES) and child != USERS:
                yield from self.below(child, depth + 1)


def is_recorded(path: str, name: str) -> bool:
    """
    Say whether a group is worth a record: services, virtual machines, what people run as a whole, and what is not
    systemd's. A unit that systemd made up a name for is gone before anybody looks for it, and a container's monitor
    does nothing.
    """
    if name.startswith("run-") or "conmon-" in name:
        return False
    if name.endswith(".service") or path == USERS:
        return True
    if name.endswith(".scope"):
        return path.startswith("/machine.slice/")
    return path.count("/") == 1 and not name.endswith(UNITS) and name not in PARENTS


def container_record(runtime: str, full: str, numbers: Numbers) -> str:
    """Return the record of a container as the original writes it, its keys in order; a name it does not know either."""
    record: dict[str, object] = {"container_id": full, "container_name": ""}
    record |= {key: numbers[key] for key in CONTAINER_KEYS if key in numbers}
    record["runtime"] = runtime
    return json.dumps(record, separators=(",", ":"))

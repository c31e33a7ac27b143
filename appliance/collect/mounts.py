"""Which file systems are mounted, and what each says of itself: one that hangs or fails costs itself only."""

import json
import os
import re
import select
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from appliance.collect.patience import Patience
from appliance.collect.sources import read_text, reader
from appliance.collect.troubles import Troubles

IMAGES = {"squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs"}
"""Always full and never written to: a disk of them would be an alarm that means nothing."""
NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "9p", "afs", "lustre", "glusterfs", "fuse.glusterfs", "fuse.sshfs",
    "fuse.s3fs", "fuse.rclone", "fuse.cephfs", "virtiofs", "beegfs", "gpfs",
}  # fmt: skip
PROMPT = {"ext2", "ext3", "ext4", "xfs", "btrfs", "overlay", "tmpfs", "devtmpfs", "ramfs", "proc", "sysfs", "rootfs"}
"""These answer from memory, whatever their device does; all others are asked with a deadline."""
LOOK_AGAIN_SECONDS = 60
ESCAPE = re.compile(rb"\\(?:([0-7]{3})|x([0-9a-f]{2}))")
"""The kernel writes a space as \\040, and our reader a byte that is not UTF-8 as \\xff."""

Statistics = Callable[[str], os.statvfs_result]


class Mount(NamedTuple):
    device: str
    point: str
    kind: str
    options: str


class Answer(NamedTuple):
    mount: Mount
    found: os.statvfs_result | None
    """None where the file system could not be asked, or did not answer in time."""


class Mounts:
    """Keeps the list of mounts, which changes rarely, and asks each at every tick."""

    def __init__(self, root: str, network: bool = False, statistics: Statistics = os.statvfs) -> None:
        self.root, self.network, self.statistics = root, network, statistics
        self.table = Table(f"{root}/self/mounts")
        self.text = ""
        self.asked: list[tuple[Mount, Callable[[], os.statvfs_result]]] = []
        self.patient: dict[str, Patience[os.statvfs_result]] = {}
        self.troubles = Troubles()
        self.answers: list[Answer] = []
        """What the last `look` found."""

    def look(self) -> list[Answer]:
        # Nobody may take what was found before for what is: the list itself may hang.
        self.answers = []
        if self.table.may_have_changed():
            # To read the list and compare costs a tenth of going through it.
            text = self.table.read()
            if text != self.text:
                self.change(text)
        self.answers = [self.ask(mount, question) for mount, question in self.asked]
        return self.answers

    def ask(self, mount: Mount, question: Callable[[], os.statvfs_result]) -> Answer:
        try:
            found = question()
        except OSError as error:
            self.troubles.failed(described(mount.point), error)
            return Answer(mount, None)
        self.troubles.worked(described(mount.point))
        return Answer(mount, found)

    def change(self, text: str) -> None:
        """Take a new list. What still hangs keeps its thread, so that there is never more than one for a mount."""
        mounts = listed(text)
        slow = slow_points(mounts)
        chosen = choose(mounts, with_device(self.root), self.network, slow)
        for point in self.patient.keys() - {mount.point for mount in chosen}:
            self.patient.pop(point).end()
        self.asked = [(mount, self.question(mount, slow)) for mount in chosen]
        self.text = text

    def question(self, mount: Mount, slow: Collection[str]) -> Callable[[], os.statvfs_result]:
        def ask() -> os.statvfs_result:
            return self.statistics(mount.point)

        if is_prompt(mount.point, slow):
            return ask
        if mount.point not in self.patient:
            self.patient[mount.point] = Patience(ask)
        return self.patient[mount.point].ask


class Table:
    """The kernel's list of mounts, which says when it has changed: with a thousand mounts it is long to read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.read = reader(path, long_lines=True)
        self.changes: select.poll | None = None
        self.descriptor = -1
        self.due = float("-inf")

    def may_have_changed(self) -> bool:
        """Say whether to read it: when the kernel says so, now and then whatever it says, and always a mere file."""
        if self.descriptor < 0:
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            if os.fstat(self.descriptor).st_size:
                os.close(self.descriptor)
                self.descriptor = -1
                return True
            self.changes = select.poll()
            self.changes.register(self.descriptor, select.POLLPRI)
        changed = bool(self.changes and self.changes.poll(0))
        if changed or time.monotonic() >= self.due:
            self.due = time.monotonic() + LOOK_AGAIN_SECONDS
            return True
        return False


@cache
def mounts_of(root: str, network: bool = False) -> Mounts:
    """Return the mounts of a /proc: the same to all who ask, so that each file system is asked once a tick."""
    return Mounts(root, network)


def listed(text: str) -> list[Mount]:
    mounts = []
    # A name may hold what Python, but not the kernel, takes for the end of a line.
    for line in text.split("\n"):
        words = line.split(" ", 4)
        if len(words) >= 4:
            mounts.append(Mount(*[unescaped(word) if "\\" in word else word for word in words[:4]]))
    return mounts


def unescaped(word: str) -> str:
    return os.fsdecode(
        ESCAPE.sub(lambda found: bytes([int(found[1] or found[2], 8 if found[1] else 16)]), word.encode())
    )


def choose(mounts: Sequence[Mount], kinds: set[str], network: bool, slow: Collection[str]) -> list[Mount]:
    """Return those of disks, or of the network: each device once, at its shortest path, and `/` whatever it is."""
    chosen: dict[str, Mount] = {}
    wanted = NETWORK if network else (kinds | {"zfs"}) - IMAGES - NETWORK
    for mount in mounts:
        if mount.kind not in wanted:
            continue
        # A container has single files of its host's disks mounted, such as /etc/hosts.
        if is_prompt(mount.point, slow) and not os.path.isdir(mount.point):  # noqa: PTH112
            continue
        if mount.device not in chosen or len(mount.point) < len(chosen[mount.device].point):
            chosen[mount.device] = mount
    found = list(chosen.values())
    if not network and not any(mount.point == "/" for mount in found):
        # The last one that is mounted there hides those below it.
        roots = [mount for mount in mounts if mount.point == "/"] or [Mount("", "/", "", "")]
        found.insert(0, roots[-1])
    return found


def with_device(root: str) -> set[str]:
    """Return the kinds of file systems that have a device."""
    lines = read_text(f"{root}/filesystems").splitlines()
    return {line.strip() for line in lines if not line.startswith("nodev")}


def slow_points(mounts: Sequence[Mount]) -> set[str]:
    return {mount.point for mount in mounts if mount.kind not in PROMPT}


def is_prompt(point: str, slow: Collection[str]) -> bool:
    """Say whether a path can be looked at without waiting: for its own file system, and all that it lies in."""
    while point not in slow:
        if point in {"/", ""}:
            return True
        point = os.path.dirname(point)  # noqa: PTH120
    return False


@lru_cache(1024)
def described(point: str) -> str:
    return f"the file system on {readable(point)}"


@lru_cache(1024)
def quoted(point: str) -> str:
    """Write a path as JSON, which is done at every tick."""
    return json.dumps(readable(point))


def readable(point: str) -> str:
    """Write bytes that are not UTF-8 as escapes: a recording is UTF-8."""
    return os.fsencode(point).decode("utf-8", "backslashreplace")

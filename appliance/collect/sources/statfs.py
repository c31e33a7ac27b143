"""statfs[*]: size and free space of each mounted file system that has a device, one JSON object a line."""

import json
import os

from appliance.collect.sources import Source, read_text
from appliance.collect.troubles import Troubles

IMAGES = {"squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs"}
"""Always full and never written to: a disk of them would be an alarm that means nothing."""


def source(root: str) -> Source:
    mounted = ""
    points: list[str] = []
    troubles = Troubles()

    def read() -> str:
        nonlocal mounted, points
        # The list changes rarely: to read it and compare costs a tenth of going through it.
        text = read_text(f"{root}/self/mounts")
        if text != mounted:
            points, mounted = mount_points(root), text
        lines = []
        for point in points:
            try:
                lines.append(line(point))
            except OSError as error:
                troubles.failed(f"the file system on {readable(point)}", error)
            else:
                troubles.worked(f"the file system on {readable(point)}")
        return "".join(lines)

    return Source("statfs[*]", read)


def mount_points(root: str) -> list[str]:
    """Return where file systems are mounted: each device once, at its shortest path, and `/` whatever it is."""
    # Late: the other sources do without.
    import psutil  # noqa: PLC0415

    psutil.PROCFS_PATH = root
    chosen: dict[str, str] = {}
    for partition in psutil.disk_partitions(all=False):
        point = partition.mountpoint
        # A container has single files of its host's disks mounted, such as /etc/hosts.
        if partition.fstype not in IMAGES and os.path.isdir(point):  # noqa: PTH112
            chosen[partition.device] = min(chosen.get(partition.device, point), point, key=len)
    points = list(chosen.values())
    return points if "/" in points else ["/", *points]


def line(point: str) -> str:
    found = os.statvfs(point)
    record = {
        "mount_point": readable(point),
        # Blocks are counted in units of f_frsize; the original calls that the block size.
        "block_size": found.f_frsize,
        "blocks_total": found.f_blocks,
        "blocks_free": found.f_bfree,
        "blocks_available": found.f_bavail,
    }
    return json.dumps(record, separators=(",", ":")) + "\n"


def readable(point: str) -> str:
    """Write bytes that are not UTF-8 as escapes: a recording is UTF-8."""
    return os.fsencode(point).decode("utf-8", "backslashreplace")

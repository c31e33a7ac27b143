"""statfs[*]: size and free space of each mounted file system that has a device, one JSON object a line."""

import os

from appliance.collect.mounts import Mounts, mounts_of, quoted
from appliance.collect.sources import PATIENT_SECONDS, Source


def source(root: str) -> Source:
    return of(mounts_of(root))


def network(root: str) -> Source:
    return of(mounts_of(root, network=True))


def of(mounts: Mounts) -> Source:
    def read() -> str | None:
        return "".join([line(answer.mount.point, answer.found) for answer in mounts.look() if answer.found]) or None

    return Source("statfs[*]", read, limit_seconds=PATIENT_SECONDS)


def line(point: str, found: os.statvfs_result) -> str:
    # Blocks are counted in units of f_frsize; the original calls that the block size.
    return (
        f'{{"mount_point":{quoted(point)},"block_size":{found.f_frsize},"blocks_total":{found.f_blocks},'
        f'"blocks_free":{found.f_bfree},"blocks_available":{found.f_bavail}}}\n'
    )

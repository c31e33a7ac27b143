"""perfanalysis[filesystems]: what statfs[*] has no key for: inodes, read-only, and which did not answer."""

import os

from appliance.collect.mounts import Answer, Mounts, mounts_of, quoted
from appliance.collect.sources import Source


def source(root: str) -> Source:
    return of(mounts_of(root))


def network(root: str) -> Source:
    return of(mounts_of(root, network=True))


def of(mounts: Mounts) -> Source:
    """Tell more of what `statfs` found: it comes first in a sample."""
    return Source("perfanalysis[filesystems]", lambda: "".join([line(answer) for answer in mounts.answers]) or None)


def line(answer: Answer) -> str:
    name, found = quoted(answer.mount.point), answer.found
    if found is None:
        return f'{{"mount_point":{name},"device_error":1}}\n'
    # A file system that makes its inodes as they are needed (btrfs) says that it has none.
    inodes = f'"inodes_total":{found.f_files},"inodes_free":{found.f_ffree},' if found.f_files else ""
    read_only = int(bool(found.f_flag & os.ST_RDONLY))
    return f'{{"mount_point":{name},{inodes}"read_only":{read_only},"device_error":0}}\n'

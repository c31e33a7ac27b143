"""Which kind of file system a folder is on: SQLite's log of changes needs one that only this machine writes to."""

import os
import re
from pathlib import Path

SHARED = re.compile(r"nfs|cifs|smb|9p|afs|ceph|gluster|lustre|gpfs|vboxsf|fuse\.(sshfs|gluster|ceph|s3|rclone|vmhgfs)")
MOUNTS = Path("/proc/self/mountinfo")


def shared_kind(folder: Path, mounts: str | None = None) -> str | None:
    """Return the kind of a file system that other machines may write to, None if it is of this machine or unknown."""
    try:
        text = MOUNTS.read_text("utf-8", "surrogateescape") if mounts is None else mounts
        device = folder.stat().st_dev
    except OSError:
        return None
    numbers = f"{os.major(device)}:{os.minor(device)}"
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [numbers] and after:
            kind = after.split()[0]
            return kind if SHARED.match(kind) else None
    return None

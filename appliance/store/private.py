"""
Files and folders that nobody else may read or change: made so whatever the umask, and refused where it is not so.

Whoever can write to a folder of ours, or put a symbolic link into it, chooses which file we open: that is refused.
"""

import os
import resource
import stat
from contextlib import suppress
from pathlib import Path

from appliance.errors import NoPermission
from appliance.store import durable

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
FILE_MODE, FOLDER_MODE = 0o600, 0o700
ROOT = 0


def keep_to_ourselves() -> None:
    """Let nobody else read what this process makes from now on, nor what it had in memory when it breaks."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner of the data folder `root` alone."""
    missing = []
    while not folder.exists() and not folder.is_symlink():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(FOLDER_MODE)
            if root in path.parents:
                give_to_owner(path)
            # What is stored in it is no more durable than its name. A folder above the data may not be ours to read.
            with suppress(PermissionError):
                durable.sync(path.parent)


def make_file(path: Path) -> None:
    """Make an empty file, if it is not there, for the owner of its folder alone."""
    # A file that is there is not opened: to close it would drop the locks that SQLite holds on it in this process.
    if not os.path.lexists(path):
        with suppress(FileExistsError):
            number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            os.fchmod(number, FILE_MODE)
            os.close(number)
            give_to_owner(path)


def give_to_owner(path: Path) -> None:
    """Let what root made for a receiver that is not root's be the receiver's, as SQLite does with its own files."""
    if os.geteuid() == ROOT:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)


def check(path: Path, root: Path) -> None:
    """
    Raise NoPermission if others may change a file, its companions of SQLite, or a folder on the way to it.

    The way begins at the data folder, `root`, which may be a symbolic link: an administrator named it.
    """
    folder = root.resolve()
    check_one(folder, stat.S_IFDIR)
    for part in path.relative_to(root).parts[:-1]:
        folder /= part
        check_one(folder, stat.S_IFDIR)
    for ending in ("", "-wal", "-shm", "-journal"):
        check_one(folder / f"{path.name}{ending}", stat.S_IFREG)


def check_one(path: Path, kind: int) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise NoPermission(
            f"{path} is a symbolic link, which is not followed: put what it points to in its place, or name the "
            "data folder where it is with --data."
        )
    if stat.S_IFMT(found.st_mode) != kind:
        raise NoPermission(
            f"{path} is not a {'folder' if kind == stat.S_IFDIR else 'file'}: move it away, or name another data "
            "folder with --data."
        )
    # In a folder such as /tmp nobody can replace what is ours; what is in it is looked at by itself.
    if found.st_mode & OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        raise NoPermission(
            f"{path} may be changed by other users: take that right away with chmod go-w, or name another data folder "
            "with --data."
        )
    # Root may serve what is another's: SQLite then gives its files to the owner of the database.
    if os.geteuid() not in (ROOT, found.st_uid) and not (kind == stat.S_IFDIR and found.st_uid == ROOT):
        raise NoPermission(
            f"{path} belongs to another user ({found.st_uid}): run this as that user, or name another data folder "
            "with --data."
        )

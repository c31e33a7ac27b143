"""Overwriting what is to be erased, where it lies on the disk, before its blocks are given back: as well as may be."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from appliance.store import database
from appliance.store.database import Database

ZEROS = bytes(1 << 20)


def overwrite(path: Path) -> None:
    """
    Fill a file, or all files of a folder, with zeros that are on the disk when this returns.

    What cannot be overwritten is left to be removed as it is: so is a file that has a second name, which may be a copy
    that somebody keeps.
    """
    for parent, _, names in os.walk(path):
        for name in names:
            overwrite_file(Path(parent) / name)
    overwrite_file(path)


def overwrite_file(path: Path) -> None:
    with suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if found.st_nlink > 1:
                return
            at = 0
            while at < found.st_size:
                at += os.pwrite(descriptor, memoryview(ZEROS)[: found.st_size - at], at)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def overwrite_free(opened: Database, path: Path) -> None:
    """
    Write zeros over what a SQLite file and its log have no use for, and give that back to the disk.

    The file was just written anew by VACUUM, which is still in its log. It is lengthened to what it was, so that none
    of its old pages leaves it as it is; the log, which is written from its beginning again, by as much.
    """
    # A full disk: then they go as they are.
    with suppress(*database.LIBRARY_ERRORS):
        used = sum(each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.exists())
        with opened.atomic("IMMEDIATE"):
            opened.execute_sql("CREATE TABLE IF NOT EXISTS overwritten (zeros)")
            opened.execute_sql("INSERT INTO overwritten VALUES (zeroblob(?))", (used,))
        opened.execute_sql("PRAGMA wal_checkpoint(RESTART)").fetchone()
    opened.execute_sql("DROP TABLE IF EXISTS overwritten")

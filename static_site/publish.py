"""Publishing a site: built beside, synced to disk, put in place by a rename, so that no reader sees half of one."""

import ctypes
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from appliance.errors import InputOutput, NoPermission, UsageError

MANIFEST, GENERATOR = "site.json", "perfanalysis"
AT_FDCWD, EXCHANGE = -100, 2


def publish(files: Mapping[str, bytes], output: Path) -> None:
    """
    Write files (by their paths in the site, the manifest among them) as the folder `output`.

    An older site of ours is replaced; any other folder that is not empty is refused with UsageError.
    """
    target = output.resolve()
    check(target, output)
    beside, lock = None, None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        beside, lock = claim(target)
        write(files, beside)
        replace(beside, target)
        sync(target.parent)
    except PermissionError as error:
        raise NoPermission(f"the site cannot be written to {output}: permission denied.") from error
    except OSError as error:
        raise InputOutput(f"the site cannot be written to {output}: {error.strerror or error}.") from error
    finally:
        if beside is not None and lock is not None:
            # What is there now is half a new site, or the old one.
            shutil.rmtree(beside, ignore_errors=True)
            os.close(lock)


def check(target: Path, output: Path) -> None:
    """Refuse to replace what is not ours."""
    try:
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return
        ours = target.is_dir() and json.loads((target / MANIFEST).read_bytes()).get("generator") == GENERATOR
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise UsageError(f"{output} is there already and is not a site of ours: name another folder, or remove it.")


def claim(target: Path) -> tuple[Path, int]:
    """Make the folder that a site is built in, beside its place, and lock it for as long as the descriptor is open."""
    while True:
        beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        beside.mkdir()
        descriptor = os.open(beside, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            # Not every network file system has locks: there nobody gets one, and nothing is swept.
            return beside, descriptor
        if beside.exists():
            return beside, descriptor
        # Swept between the two calls, by one who took it for abandoned.
        os.close(descriptor)


def sweep(target: Path) -> None:
    """Remove what publications left beside a site when they were killed: nobody holds a lock on it."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}(\.old)?")
    for path in list(target.parent.iterdir()):
        match = ours.fullmatch(path.name)
        # Without a site in its place, the old one may be the only one there is.
        if match is None or path.is_symlink() or not path.is_dir() or (match[1] and not target.exists()):
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(descriptor)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    folders = sorted(folder / parent for parent in {parent for path in files for parent in Path(path).parents})
    for parent in folders:
        parent.mkdir(exist_ok=parent == folder)
    for path, content in files.items():
        with (folder / path).open("xb") as stream:
            stream.write(content)
    # When all are written: a file system then writes them together, not one after the other.
    for path in files:
        sync(folder / path)
    for parent in folders:
        sync(parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(new: Path, target: Path) -> None:
    """Put a folder in the place of another, which then stands in its own; in one step where the kernel can."""
    if not target.exists():
        new.rename(target)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is not None and exchange(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(target), EXCHANGE) == 0:
        return
    if exchange is not None and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    old = new.with_name(f"{new.name}.old")
    target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)

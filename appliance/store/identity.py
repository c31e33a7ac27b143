"""
Which store a data folder is: a name for ever, and an epoch that changes when it was restored from a backup.

A receiver tells both with each answer, so that collectors offer again what a restored store may not have any more.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.errors import BadData
from appliance.store import private
from appliance.store.database import translated

NAME = "STORE"
STORE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    store_id: str
    """32 hexadecimal digits."""
    epoch: int

    def __str__(self) -> str:
        return f"{self.store_id}:{self.epoch}"


def read(folder: Path) -> Identity | None:
    """Return the identity of a data folder, None where it has none yet; raise BadData or InputOutput."""
    path = folder / NAME
    try:
        found = json.loads(path.read_text("ascii"))
        identity = Identity(str(found["store_id"]), int(found["epoch"]))
        if not STORE_ID.fullmatch(identity.store_id) or identity.epoch < 1:
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise translated(error, path) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadData(
            f"{path} is damaged: restore it from a backup, or remove it, and collectors send again what they kept."
        ) from error
    return identity


def made(folder: Path) -> Identity:
    """Return the identity of a data folder, given to it where it has none; raise what `read` does."""
    found = read(folder)
    if found is not None:
        return found
    with alone(folder) as descriptor:
        # Another process may have been faster.
        return read(folder) or write(folder, Identity(secrets.token_hex(16), 1), descriptor)


def advance(folder: Path) -> Identity:
    """Begin another epoch, since a folder now has the content of a backup, and return it; raise what `read` does."""
    with alone(folder) as descriptor:
        before = read(folder) or Identity(secrets.token_hex(16), 0)
        # Restored twice from one backup, a store would get one epoch twice if it were only the next number.
        return write(folder, Identity(before.store_id, max(before.epoch + 1, int(time.time()))), descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Have a folder for oneself while its identity changes; give its descriptor."""
    try:
        private.make_folder(folder, folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise translated(error, folder / NAME) from error


def write(folder: Path, identity: Identity, descriptor: int) -> Identity:
    """Replace the identity of a folder that is open as a descriptor: after a power cut the old or the new one."""
    new = folder / f"{NAME}.new"
    new.unlink(missing_ok=True)
    private.make_file(new)
    with new.open("w", encoding="ascii") as file:
        file.write(json.dumps(asdict(identity)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)
    os.fsync(descriptor)
    return identity

"""The claim to a data folder: `DATA/LOCK`, held by the one process that writes samples or replaces files in it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance import lock
from appliance.errors import InUse, NoPermission
from appliance.store import change, database, file_system

logger = logging.getLogger("perfanalysis.store")

LOCK = "LOCK"
MAX_BYTES = 200
"""How much is read of what the file says, which anybody may have written."""


@contextmanager
def claimed(folder: Path, program: str = "perfanalysis") -> Iterator[None]:
    """
    Hold a data folder, made where there is none, against every other writer; readers go on.

    `program` is what another one is told that holds it. Raises InUse if somebody else does, and the errors of
    `database.translated`. The kernel holds the lock: a killed process leaves none behind, and the process number in
    the file is only for people.
    """
    path = folder / LOCK
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = lock.take(path)
    except OSError as error:
        raise database.translated(error, path) from error
    if held is None:
        raise InUse(f"{folder} is in use by {holder(path)}: stop that first, or send to it with `perfanalysis upload`.")
    if (kind := file_system.shared_kind(folder)) is not None:
        logger.warning(
            "%s is on %s, which other machines may write to: its locks are not to be relied on, and data can be "
            "damaged. Name a folder on a disk of this machine with --data.",
            folder, kind,
        )  # fmt: skip
    try:
        write(held, f"{os.getpid()} {program}\n")
        change.finish_claimed(folder)
        yield
    finally:
        os.close(held)


def settle(folder: Path) -> None:
    """Finish a change of tenants that a crash left half done, unless whoever holds the folder is at it."""
    if change.pending(folder):
        with suppress(InUse, NoPermission), claimed(folder):
            pass


def write(held: int, text: str) -> None:
    try:
        os.ftruncate(held, 0)
        os.pwrite(held, text.encode(), 0)
    except OSError:
        # A full disk: the lock holds without its text.
        return


def holder(path: Path) -> str:
    """Say who holds the lock, as its file does."""
    try:
        with path.open("rb") as file:
            pid, _, program = file.read(MAX_BYTES).decode("utf-8", "replace").partition(" ")
    except OSError:
        pid = program = ""
    return f"process {pid} ({program.strip()})" if pid.isdigit() else "another process"

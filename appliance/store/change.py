"""
A change of whole tenants that no crash leaves half done: decided by one file, `DATA/CHANGE`, then done in steps.

What comes in waits complete in a folder beside, `DATA/changing-*`. Before the decision is on the disk nothing has
changed; after it the steps are done, and done again by whoever claims the folder next if we do not come to their end.
So each may be repeated. What was replaced is kept aside until all are done.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from appliance.errors import BadData, InputOutput, PerfanalysisError, Unavailable
from appliance.store import any_schema, database, durable, identity, overwriting

CHANGE, STAGING = "CHANGE", "changing-"
REGISTRY = "registry.sqlite"
OWN = ("data.sqlite", "data.sqlite-wal", "data.sqlite-shm", "TENANT")
"""What a restored tenant replaces of its folder: a spool or a site in it stays."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is decided; paths are of the data folder."""

    staging: str
    """The folder with what comes in, in its "new", and what goes out, in its "old"."""
    placed: list[str] = field(default_factory=list)
    """Names of folders of tenants that come in."""
    removed: list[str] = field(default_factory=list)
    """Folders and files that go, whole."""
    registry_replaced: bool = False
    """Whether the registry gets the rows of the one that comes in."""
    registry_placed: bool = False
    """Whether the one that comes in takes its place: ours is damaged, or there is none."""
    added: list[str] = field(default_factory=list)
    """Tenants that get the rows of the registry that comes in."""
    forgotten: list[str] = field(default_factory=list)
    """Tenants whose rows go, and the bytes of them too."""
    older: bool = False
    """Whether what was acknowledged may be gone: collectors are to offer it again."""


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Make a place for what comes in; it is removed if it comes to no decision. The folder is claimed."""
    staging = folder / f"{STAGING}{secrets.token_hex(4)}"
    try:
        try:
            for each in (staging, staging / "new", staging / "old"):
                each.mkdir(mode=0o700)
        except OSError as error:
            raise database.translated(error, staging) from error
        yield staging
    finally:
        if not (folder / CHANGE).exists():
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def unchanged(data: Path) -> Iterator[None]:
    """Turn what the disk refuses before anything is decided into a sentence."""
    try:
        yield
    except (OSError, *database.LIBRARY_ERRORS) as error:
        why = database.first_of(error)
        raise InputOutput(
            f"{data} cannot be written: {getattr(why, 'strerror', None) or why}. Nothing was changed: free space there "
            "and try again."
        ) from error


def decide(folder: Path, change: Change) -> None:
    """
    Make a change of a claimed folder: when this returns, or at the latest when the folder is claimed again.

    Raises InputOutput, and says which it is: nothing was changed, or it will be finished, or it is done.
    """
    try:
        write(folder, change)
    except OSError as error:
        why = reason(folder, error)
        if pending(folder):
            raise InputOutput(f"{why}: whether it was done is seen when {folder} is next used.") from error
        raise InputOutput(
            f"{why}: nothing was changed. Free space there, or see to the disk, and try again."
        ) from error
    try:
        finish(folder)
    except (OSError, PerfanalysisError) as error:
        why = reason(folder, error)
        if pending(folder):
            raise InputOutput(
                f"it could not be finished yet ({why}): it is when any command next uses {folder}. Nothing is lost."
            ) from error
        raise InputOutput(f"it is done, but the disk does not say that it has it ({why}): see to the disk.") from error


def write(folder: Path, change: Change) -> None:
    """Have the decision on the disk, and before it what it is about."""
    for parent, _, files in os.walk(folder / change.staging):
        for name in files:
            give(folder, Path(parent) / name)
            durable.sync(Path(parent) / name)
        give(folder, Path(parent))
        durable.sync(Path(parent))
    new = folder / f"{CHANGE}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(asdict(change), file)
        file.flush()
        os.fsync(file.fileno())
    give(folder, new)
    new.replace(folder / CHANGE)
    durable.sync(folder)


def pending(folder: Path) -> bool:
    return (folder / CHANGE).exists()


def finish(folder: Path) -> None:
    """Come to the end of what was decided, and remove what is left of what was not; the folder is claimed."""
    if pending(folder):
        change = read(folder)
        make(folder, change)
        for path in change.removed:
            if change.forgotten:
                overwriting.overwrite(folder / path)
            remove(folder / path)
        remove(folder / change.staging)
        # By another name it decides nothing any more, and can be overwritten: it names tenants.
        (folder / CHANGE).rename(folder / f"{CHANGE}.new")
        durable.sync(folder)
    for left in folder.glob(f"{STAGING}*"):
        remove(left)
    overwriting.overwrite(folder / f"{CHANGE}.new")
    (folder / f"{CHANGE}.new").unlink(missing_ok=True)


def finish_claimed(folder: Path) -> None:
    """Finish what a crash left, when a folder is claimed; raise InputOutput if that cannot be."""
    try:
        finish(folder)
    except (OSError, PerfanalysisError) as error:
        raise InputOutput(
            f"a change of tenants in {folder} that was begun cannot be finished ({reason(folder, error)}): free space "
            "there, or see to the disk, and try again."
        ) from error


def reason(folder: Path, error: Exception) -> str:
    if isinstance(error, PerfanalysisError):
        return error.message.removesuffix(".")
    return f"{getattr(error, 'filename', None) or folder}: {getattr(error, 'strerror', error)}"


def read(folder: Path) -> Change:
    try:
        return Change(**json.loads((folder / CHANGE).read_text()))
    except (ValueError, TypeError) as error:
        raise BadData(f"{folder / CHANGE} is damaged: restore the data folder from a backup.") from error


def make(folder: Path, change: Change) -> None:
    staging = folder / change.staging
    # Once the staging goes, all that it was for is done.
    if (staging / REGISTRY).exists():
        if change.registry_placed:
            for end in ("", "-wal", "-shm"):
                if (ours := folder / f"{REGISTRY}{end}").exists():
                    ours.rename(staging / "old" / ours.name)
            (staging / REGISTRY).rename(folder / REGISTRY)
            durable.sync(staging)
            durable.sync(folder)
        else:
            take_rows(folder / REGISTRY, staging / REGISTRY, change)
    if change.forgotten:
        forget_rows(folder / REGISTRY, change.forgotten)
    for name in change.placed:
        place(folder / "tenants" / name, staging / "new" / name, staging / "old" / name)
    if change.placed:
        for each in (folder / "tenants", staging / "new", staging / "old"):
            if each.exists():
                durable.sync(each)
    if change.older:
        identity.advance(folder)
    for name in (REGISTRY, "tenants", identity.NAME, "LOCK"):
        give(folder, folder / name)


def place(target: Path, new: Path, old: Path) -> None:
    """Put a tenant's folder in its place, the one before aside; what is not of the database stays where it was."""
    if new.exists():
        if target.exists():
            target.rename(old)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        new.rename(target)
    if old.exists():
        for entry in old.iterdir():
            if entry.name not in OWN:
                entry.rename(target / entry.name)
        durable.sync(target)


def take_rows(path: Path, coming: Path, change: Change) -> None:
    """Take the rows of another registry of the same schema: all in place of ours, or of tenants we do not have."""
    with any_schema.writing(path) as opened:
        opened.execute_sql("ATTACH ? AS coming", (str(coming),))
        with opened.atomic("IMMEDIATE"):
            if change.registry_replaced:
                opened.execute_sql("DELETE FROM key")
                opened.execute_sql("DELETE FROM tenant")
                opened.execute_sql("INSERT INTO tenant SELECT * FROM coming.tenant")
                opened.execute_sql("INSERT INTO key SELECT * FROM coming.key")
            for name in change.added:
                if opened.execute_sql("SELECT 1 FROM tenant WHERE id = ?", (name,)).fetchone() is None:
                    opened.execute_sql("INSERT INTO tenant SELECT * FROM coming.tenant WHERE id = ?", (name,))
                    opened.execute_sql("INSERT INTO key SELECT * FROM coming.key WHERE tenant = ?", (name,))


def forget_rows(path: Path, names: list[str]) -> None:
    """Remove tenants and their keys from the registry, and their bytes from its file and its log."""
    with any_schema.writing(path) as opened:
        opened.execute_sql("PRAGMA secure_delete = 1")
        # The log is written from its beginning from here on, over what it has.
        opened.execute_sql("PRAGMA wal_autocheckpoint = 0")
        opened.execute_sql("PRAGMA wal_checkpoint(RESTART)").fetchone()
        with opened.atomic("IMMEDIATE"):
            for name in names:
                opened.execute_sql("DELETE FROM key WHERE tenant = ?", (name,))
                opened.execute_sql("DELETE FROM tenant WHERE id = ?", (name,))
        # What was written anew is free of what was removed, wherever on its pages that was.
        opened.execute_sql("VACUUM")
        overwriting.overwrite_free(opened, path)
        opened.execute_sql("VACUUM")
        busy, _, _ = opened.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable(f"{path} is being read by another process for too long.")


def remove(path: Path) -> None:
    """Remove a folder or file, if it is there, for good."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.exists():
        durable.sync(path.parent)


def give(folder: Path, path: Path) -> None:
    """Let what root made belong to whom the data folder belongs: a receiver runs as somebody else."""
    if os.geteuid() == 0 and os.path.lexists(path):
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

"""A tenant's own file, `DATA/tenants/<digest of its name>/data.sqlite`: the tables, and how to open it."""

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from appliance.errors import FolderGone, NotFound, StoreAside
from appliance.store import database, durable, private
from appliance.store.space import Space

MIGRATIONS = [
    [
        "CREATE TABLE machine(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, "
        "created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL) STRICT",
        "CREATE TABLE batch(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE CHECK(length(digest) = 32), "
        "kind TEXT NOT NULL, key_id TEXT NOT NULL, received_ms INTEGER NOT NULL, receipt TEXT NOT NULL) STRICT",
        "CREATE TABLE layout(id INTEGER PRIMARY KEY, columns TEXT NOT NULL UNIQUE) STRICT",
        "CREATE TABLE block(id INTEGER PRIMARY KEY, machine INTEGER NOT NULL REFERENCES machine, kind TEXT NOT NULL, "
        "run INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, samples INTEGER NOT NULL, "
        "layout INTEGER NOT NULL REFERENCES layout, codec INTEGER NOT NULL, checksum BLOB NOT NULL, "
        "data BLOB NOT NULL) STRICT",
        "CREATE INDEX block_span ON block(machine, kind, start_ms, end_ms)",
        "CREATE TABLE fact(id INTEGER PRIMARY KEY, machine INTEGER NOT NULL REFERENCES machine, name TEXT NOT NULL, "
        "value TEXT NOT NULL, at_ms INTEGER NOT NULL, UNIQUE(machine, name, value)) STRICT",
    ],
    # A layout that no block has any more is removed: to find out must not mean to read every block.
    ["CREATE INDEX block_layout ON block(layout)"],
    # How long and how much a tenant keeps: see `settings`.
    ["CREATE TABLE setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT"],
]
DATA_FILE, MARKER = "data.sqlite", "TENANT"
QUARANTINE = "quarantine"
"""In the data folder: what was damaged, set aside."""
READ_SECONDS = 30
"""How long one reading of a store may take: others wait for it."""
PROGRESS_STEPS = 10_000
"""After so many steps of SQLite's machine, a millisecond or so, the time is looked at."""


class Machine(peewee.Model):
    name = peewee.TextField()
    display_name = peewee.TextField()
    created_ms = peewee.IntegerField()
    seen_ms = peewee.IntegerField()


class Batch(peewee.Model):
    digest = peewee.BlobField()
    kind = peewee.TextField()
    key_id = peewee.TextField()
    received_ms = peewee.IntegerField()
    receipt = peewee.TextField()


class Layout(peewee.Model):
    """The columns of a block, as JSON [[metric, instance], ...]: stored once for all blocks that have them."""

    columns = peewee.TextField()


class Block(peewee.Model):
    machine = peewee.IntegerField()
    kind = peewee.TextField()
    run = peewee.IntegerField()
    start_ms = peewee.IntegerField()
    end_ms = peewee.IntegerField()
    samples = peewee.IntegerField()
    layout = peewee.IntegerField()
    codec = peewee.IntegerField()
    checksum = peewee.BlobField()
    data = peewee.BlobField()


class Fact(peewee.Model):
    machine = peewee.IntegerField()
    name = peewee.TextField()
    value = peewee.TextField()
    at_ms = peewee.IntegerField()


class TenantStore:
    """
    One tenant's database. One connection: hold `lock` while it is used, or read in `reading`.

    Raises what `database.open_file` does, NotFound, and StoreAside where its file is gone: never is an empty one made
    in its place.
    """

    def __init__(self, folder: Path, tenant: str, *, read_only: bool = False, space: Space | None = None):
        path = folder_of(folder, tenant) / DATA_FILE
        marker = path.parent / MARKER
        # The marker is written when the file is whole. SQLite takes an empty file for a new database.
        if os.path.lexists(marker) and not has_content(path):
            raise aside(folder, path)
        if read_only and not path.exists():
            raise NotFound(f"tenant {tenant!r} has no data yet: import or upload something first.")
        self.tenant = tenant
        self.path = path
        self.space = space or Space(folder)
        self.waiting: deque[Any] = deque()
        """Batches on their way into the store; `entrance` is held while it is changed."""
        self.led = False
        """Whether somebody stores what waits, or is about to."""
        self.entrance = threading.Lock()
        self.grown: dict[Any, int] = {}
        """What may have come to have many small blocks, since `merging` last looked."""
        self.ended = False
        self.used_at = 0.0
        """When it was last used, by the monotonic clock."""
        self.until = float("inf")
        """When what is being read is broken off, by the monotonic clock."""
        self.database = database.open_file(path, MIGRATIONS, read_only=read_only, root=folder)
        self.file = place(path)
        self.lock = Turn(self)
        self.prepare()
        if not read_only and not has_content(marker):
            # For the person who looks at the folder: its name is a digest.
            try:
                private.make_file(marker)
                durable.write(marker, tenant + "\n")
            except OSError as error:
                self.database.close()
                raise database.translated(error, marker) from error

    def prepare(self) -> None:
        """Make a connection that was opened ready for use."""
        self.database.connection().set_progress_handler(lambda: time.monotonic() > self.until, PROGRESS_STEPS)

    def check_there(self) -> None:
        """Raise FolderGone if the file at our path is not the one that is open: a folder was unmounted or replaced."""
        if place(self.path) != self.file:
            raise FolderGone(f"{self.path} is not the file that was opened: bring its folder back, or start anew.")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the store and see one state of it; raise Unavailable if that takes too long, and what is translated."""
        with self.lock:
            self.until = time.monotonic() + READ_SECONDS
            try:
                with self.database.atomic():
                    yield
            except database.LIBRARY_ERRORS as error:
                raise database.translated(error, self.path) from error
            finally:
                self.until = float("inf")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the store and change it in one transaction; raise what is translated."""
        with self.lock:
            try:
                with self.database.atomic("IMMEDIATE"):
                    yield
            except database.LIBRARY_ERRORS as error:
                raise database.translated(error, self.path) from error

    def rest(self) -> bool:
        """Close the connection until the store is used again, if nobody uses it now; say whether it is closed."""
        if not self.lock.free.acquire(blocking=False):
            return False
        try:
            self.database.close()
        finally:
            self.lock.free.release()
        return True

    @property
    def is_open(self) -> bool:
        return not self.database.is_closed()

    def close(self) -> None:
        """Close it for good: who still waits for its turn does not open it again."""
        with self.lock.free:
            self.ended = True
            self.database.close()

    def __enter__(self) -> "TenantStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Turn:
    """The lock of a store: who holds it has a connection, opened again if the store rested."""

    def __init__(self, store: TenantStore):
        self.store = store
        self.free = threading.Lock()

    def __enter__(self) -> None:
        self.free.acquire()
        try:
            if not self.store.is_open:
                if self.store.ended:
                    raise FolderGone(f"{self.store.path} was closed meanwhile: try again.")
                self.store.check_there()
                self.store.database.connect()
                self.store.prepare()
        except BaseException as error:
            self.free.release()
            if isinstance(error, database.LIBRARY_ERRORS):
                raise database.translated(error, self.store.path) from error
            raise

    def __exit__(self, *_: object) -> None:
        self.store.used_at = time.monotonic()
        self.free.release()

    def locked(self) -> bool:
        return self.free.locked()


def place(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def aside(folder: Path, path: Path) -> StoreAside:
    """Return the error of a tenant that has no file any more."""
    kept = sorted((folder / QUARANTINE).glob(f"{path.parent.name}-*"))
    if kept:
        return StoreAside(f"{path} was damaged and lies in {kept[-1]}: restore it from a backup.")
    return StoreAside(f"{path} is gone or empty: bring it back, or restore it from a backup.")


def folder_of(folder: Path, tenant: str) -> Path:
    """Return a tenant's folder: named by a digest, because what people write never becomes part of a path."""
    return folder / "tenants" / hashlib.sha256(tenant.encode()).hexdigest()[:32]


def site_of(folder: Path, tenant: str) -> Path:
    """Return where the report site of a tenant is that the receiver shows: written by `report`, served at /reports/."""
    return folder_of(folder, tenant) / "site"


def has_content(path: Path) -> bool:
    return os.path.lexists(path) and path.lstat().st_size > 0


def has_file(folder: Path, tenant: str) -> bool:
    return (folder_of(folder, tenant) / DATA_FILE).exists()

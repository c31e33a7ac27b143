"""A tenant's own file, `DATA/tenants/<digest of its name>/data.sqlite`: the tables, and how to open it."""

import hashlib
import os
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import peewee

from appliance.errors import NotFound
from appliance.store import database, private

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
]


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
    """One tenant's database. One connection: hold `lock` while it is used."""

    def __init__(self, folder: Path, tenant: str, *, read_only: bool = False):
        path = folder_of(folder, tenant) / "data.sqlite"
        if read_only and not path.exists():
            raise NotFound(f"tenant {tenant!r} has no data yet: import or upload something first.")
        self.tenant = tenant
        self.path = path
        self.lock = threading.Lock()
        self.waiting: SimpleQueue[Any] = SimpleQueue()
        """Batches on their way into the store; taken by whoever holds `lock`."""
        self.database = database.open_file(path, MIGRATIONS, read_only=read_only, root=folder)
        marker = path.parent / "TENANT"
        if not read_only and not os.path.lexists(marker):
            # For the person who looks at the folder: its name is a digest.
            private.make_file(marker)
            marker.write_text(tenant + "\n")

    def close(self) -> None:
        with self.lock:
            self.database.close()

    def __enter__(self) -> "TenantStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def folder_of(folder: Path, tenant: str) -> Path:
    """Return a tenant's folder: named by a digest, because what people write never becomes part of a path."""
    return folder / "tenants" / hashlib.sha256(tenant.encode()).hexdigest()[:32]

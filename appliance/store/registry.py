"""Tenants and their keys: `DATA/registry.sqlite`. A key is shown once, when it is made, and stored as its SHA-256."""

import hashlib
import hmac
import re
import secrets
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee

from appliance.errors import InvalidKey, NotFound, UsageError
from appliance.store import database, identity

DEFAULT_TENANT = "default"
SCOPES = ("write", "read", "admin")
TENANT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
KEY = re.compile(r"pa1_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)
NO_DIGEST = bytes(32)

MIGRATIONS = [
    [
        "CREATE TABLE tenant(id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT",
        "CREATE TABLE key(id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenant, "
        "digest BLOB NOT NULL CHECK(length(digest) = 32), scopes TEXT NOT NULL, label TEXT NOT NULL, "
        "created_ms INTEGER NOT NULL, revoked_ms INTEGER) STRICT",
    ],
]


class Tenant(peewee.Model):
    id = peewee.TextField(primary_key=True)
    created_ms = peewee.IntegerField()


class Key(peewee.Model):
    id = peewee.TextField(primary_key=True)
    tenant = peewee.TextField()
    digest = peewee.BlobField()
    scopes = peewee.TextField()
    label = peewee.TextField()
    created_ms = peewee.IntegerField()
    revoked_ms = peewee.IntegerField(null=True)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows."""

    tenant: str
    key_id: str
    scopes: frozenset[str]


class Registry:
    """The tenants of a data folder and their keys; may be used by any thread."""

    def __init__(self, folder: Path, *, read_only: bool = False):
        path = folder / "registry.sqlite"
        if read_only and not path.exists():
            raise NotFound(
                f"{folder} is no data folder of perfanalysis: name it with --data, or import something first."
            )
        self.folder = folder
        self.lock = threading.Lock()
        self.database = database.open_file(path, MIGRATIONS, read_only=read_only)
        if not read_only:
            identity.made(folder)

    def close(self) -> None:
        with self.lock:
            self.database.close()

    def create_tenant(self, tenant: str) -> None:
        """Make a tenant; raise UsageError if its name is not allowed or it is there already."""
        if not TENANT_ID.fullmatch(tenant):
            raise UsageError(
                f"{tenant[:80]!r} is not a tenant's name: use 1 to 63 small letters, digits and '-', not '-' first."
            )
        with self.lock, self.database.atomic("IMMEDIATE"):
            if tenant in self.names():
                raise UsageError(f"tenant {tenant!r} exists already.")
            Tenant.insert(id=tenant, created_ms=now_ms()).execute(self.database)

    def tenants(self) -> list[str]:
        with self.lock:
            return self.names()

    def names(self) -> list[str]:
        return [row.id for row in Tenant.select().order_by(Tenant.id).execute(self.database)]

    def choose(self, tenant: str | None) -> str:
        """Return the tenant of that name, or the only one; raise NotFound or UsageError."""
        names = self.tenants()
        if tenant is not None:
            if tenant not in names:
                raise NotFound(f"there is no tenant {tenant[:80]!r}: there is {listed(names)}.")
            return tenant
        if len(names) != 1:
            raise UsageError(f"name a tenant with --tenant: there is {listed(names)}.")
        return names[0]

    def create_key(self, tenant: str, scopes: Iterable[str] = ("write", "read"), label: str = "") -> str:
        """Make a key of a tenant and return it: it cannot be shown again."""
        wanted = sorted(set(scopes))
        if not wanted or not set(wanted) <= set(SCOPES):
            raise UsageError(f"a key's scopes are some of {', '.join(SCOPES)}.")
        self.choose(tenant)
        body = f"pa1_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
        key = f"{body}_{zlib.crc32(body.encode()):08x}"
        with self.lock, self.database.atomic("IMMEDIATE"):
            Key.insert(
                id=key.split("_")[1], tenant=tenant, digest=digest(key), scopes=" ".join(wanted), label=label,
                created_ms=now_ms(), revoked_ms=None,
            ).execute(self.database)  # fmt: skip
        return key

    def revoke_key(self, key_id: str) -> None:
        with self.lock, self.database.atomic("IMMEDIATE"):
            changed = Key.update(revoked_ms=now_ms()).where(Key.id == key_id, Key.revoked_ms.is_null())
            if not changed.execute(self.database):
                raise NotFound(f"there is no valid key {key_id[:80]!r}: `key list` shows them.")

    def keys(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Return what may be shown of the keys: id, tenant, scopes, label, created_ms, revoked_ms."""
        query = Key.select(Key.id, Key.tenant, Key.scopes, Key.label, Key.created_ms, Key.revoked_ms)
        if tenant is not None:
            query = query.where(Key.tenant == tenant)
        with self.lock:
            return list(query.order_by(Key.created_ms, Key.id).dicts().execute(self.database))

    def authenticate(self, key: str) -> Grant:
        """Return what a key allows; raise InvalidKey, the same for a malformed, unknown or revoked one."""
        match = KEY.fullmatch(key)
        row = None
        if match is not None:
            with self.lock:
                # Written out: each request asks three times, and peewee builds its statement longer than it runs.
                row = self.database.execute_sql(
                    "SELECT tenant, id, digest, scopes, revoked_ms FROM key WHERE id = ?", (match[1],)
                ).fetchone()
        tenant, key_id, stored, scopes, revoked_ms = row or ("", "", NO_DIGEST, "", None)
        known = hmac.compare_digest(digest(key), bytes(stored))
        if row is None or not known or revoked_ms is not None:
            raise InvalidKey("The API key is missing or not valid.")
        return Grant(tenant, key_id, frozenset(scopes.split()))


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def listed(names: list[str]) -> str:
    return ", ".join(names[:20]) if names else "none yet (`tenant create` makes one)"

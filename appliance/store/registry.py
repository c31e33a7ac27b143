"""Tenants and their keys: `DATA/registry.sqlite`. A key is shown once, when it is made, and stored as its SHA-256."""

import hashlib
import hmac
import re
import secrets
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee

from appliance.errors import InvalidKey, NotFound, UsageError
from appliance.machine import check_machine_id
from appliance.spelling import meant
from appliance.store import database, identity

DEFAULT_TENANT = "default"
SCOPES = ("write", "read", "admin")
"""
What a key may allow: to send, to read; "admin" opens no address of the receiver.

Tenants and keys are managed on the receiver's own machine, and what its metrics say is of all tenants: there is nothing
for the administrator of one to be allowed over the network.
"""
TENANT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
KEY = re.compile(r"pa1_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)
MAX_LABEL = 200
MAX_MACHINES = 1000
MINUTE_MS = 60_000
NEVER_MS = 2**63 - 1

MIGRATIONS = [
    [
        "CREATE TABLE tenant(id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT",
        "CREATE TABLE key(id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenant, "
        "digest BLOB NOT NULL CHECK(length(digest) = 32), scopes TEXT NOT NULL, label TEXT NOT NULL, "
        "created_ms INTEGER NOT NULL, revoked_ms INTEGER) STRICT",
    ],
    # Keys that are there already are what they were: of every machine, and without an end.
    [
        "ALTER TABLE key ADD COLUMN machines TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE key ADD COLUMN starts_ms INTEGER",
        "ALTER TABLE key ADD COLUMN expires_ms INTEGER",
        "ALTER TABLE key ADD COLUMN used_ms INTEGER",
        "ALTER TABLE key ADD COLUMN replaced_by TEXT",
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
    machines = peewee.TextField()
    """The ids that the key is bound to, by a space between them; empty: it is of every machine."""
    starts_ms = peewee.IntegerField(null=True)
    expires_ms = peewee.IntegerField(null=True)
    used_ms = peewee.IntegerField(null=True)
    """The minute in which it was last used."""
    replaced_by = peewee.TextField(null=True)
    """The key that it was rotated to."""


SHOWN = (
    Key.id, Key.tenant, Key.scopes, Key.machines, Key.label, Key.created_ms, Key.starts_ms, Key.expires_ms,
    Key.revoked_ms, Key.used_ms, Key.replaced_by,
)  # fmt: skip
"""What may be shown of a key: all but its digest."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows."""

    tenant: str
    key_id: str
    scopes: frozenset[str]
    machines: frozenset[str] | None = None
    """The machines that the key is bound to; None: it is of every machine of its tenant."""

    def covers(self, machine: str) -> bool:
        return self.machines is None or machine in self.machines


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is looked up at each request."""

    digest: bytes
    grant: Grant
    starts_ms: int
    ends_ms: int


NOBODY = StoredKey(bytes(32), Grant("", "", frozenset()), 0, 0)
"""What a key that is not known is compared with, so that it costs what any other costs."""


class Registry:
    """The tenants of a data folder and their keys; may be used by any thread."""

    def __init__(self, folder: Path, *, read_only: bool = False):
        path = folder / "registry.sqlite"
        if read_only and not path.exists():
            raise NotFound(
                f"{folder} is no data folder of perfanalysis: name it with --data, or import something first."
            )
        self.folder = folder
        self.path = path
        self.lock = threading.Lock()
        self.database = database.open_file(path, MIGRATIONS, read_only=read_only)
        if not read_only:
            identity.made(folder)
        self.table: Mapping[str, StoredKey] = {}
        self.version: int | None = None
        """Of the registry when `table` was read; None: it was changed by ourselves since."""
        self.used: dict[str, int] = {}
        """The minutes in which keys were used, by their id, until `write_used` stores them."""

    def close(self) -> None:
        with self.lock:
            self.database.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change the registry in one transaction; it is in force when this returns, in every process."""
        with self.lock:
            # SQLite tells a connection what others changed, and not what it changed itself.
            self.version = None
            with self.database.atomic("IMMEDIATE"):
                yield

    def create_tenant(self, tenant: str) -> None:
        """Make a tenant; raise UsageError if its name is not allowed or it is there already."""
        if not TENANT_ID.fullmatch(tenant):
            raise UsageError(
                f"{tenant[:80]!r} is not a tenant's name: use 1 to 63 small letters, digits and '-', not '-' first."
            )
        with self.changing():
            if tenant in self.names():
                raise UsageError(f"tenant {tenant!r} exists already.")
            Tenant.insert(id=tenant, created_ms=now_ms()).execute(self.database)

    def tenants(self) -> list[str]:
        with self.lock:
            return self.names()

    def names(self) -> list[str]:
        return [row.id for row in Tenant.select().order_by(Tenant.id).execute(self.database)]

    def created(self) -> dict[str, int]:
        """Return when each tenant was made, in Unix milliseconds, by name."""
        with self.lock:
            return dict(self.database.execute_sql("SELECT id, created_ms FROM tenant ORDER BY id").fetchall())

    def choose(self, tenant: str | None) -> str:
        """Return the tenant of that name, or the only one; raise NotFound or UsageError."""
        names = self.tenants()
        if tenant is not None:
            if tenant not in names:
                raise NotFound(f"there is no tenant {tenant[:80]!r}: there is {listed(names)}.{meant(tenant, names)}")
            return tenant
        if len(names) != 1:
            raise UsageError(f"name a tenant with --tenant: there is {listed(names)}.")
        return names[0]

    def create_key(
        self, tenant: str, scopes: Iterable[str] = ("write", "read"), label: str = "", *,
        machines: Iterable[str] = (), starts_ms: int | None = None, expires_ms: int | None = None,
    ) -> str:  # fmt: skip
        """
        Make a key of a tenant and return it: it cannot be shown again.

        It is bound to the machines that are named, if any, and valid from `starts_ms` until before `expires_ms`.
        """
        wanted = sorted(set(scopes))
        bound = sorted({check_machine_id(machine) for machine in machines})
        if not wanted or not set(wanted) <= set(SCOPES):
            raise UsageError(f"a key's scopes are some of {', '.join(SCOPES)}.")
        if len(bound) > MAX_MACHINES:
            raise UsageError(f"a key may be bound to {MAX_MACHINES:,} machines, not to {len(bound):,}.")
        if len(label) > MAX_LABEL:
            raise UsageError(f"a label has at most {MAX_LABEL} letters, and this one has {len(label)}.")
        if expires_ms is not None and expires_ms <= max(starts_ms or 0, now_ms()):
            raise UsageError("the key would never be valid: let it expire later.")
        self.choose(tenant)
        with self.changing():
            return self.insert(
                tenant=tenant, scopes=" ".join(wanted), label=label, machines=" ".join(bound), starts_ms=starts_ms,
                expires_ms=expires_ms,
            )  # fmt: skip

    def insert(self, **fields: Any) -> str:
        """Make a key inside a transaction and return it."""
        body = f"pa1_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
        key = f"{body}_{zlib.crc32(body.encode()):08x}"
        Key.insert(
            id=key.split("_")[1], digest=digest(key), created_ms=now_ms(), revoked_ms=None, used_ms=None,
            replaced_by=None, **fields,
        ).execute(self.database)  # fmt: skip
        return key

    def rotate_key(self, key_id: str, overlap_ms: int, expires_ms: int | None = None) -> str:
        """
        Make a key with the rights of another and return it; the old one ends after the overlap, or earlier by itself.

        The new key is valid as long as the old one was to be, from now, unless it is said when it expires.
        """
        now = now_ms()
        if expires_ms is not None and expires_ms <= now:
            raise UsageError("the key would never be valid: let it expire later.")
        with self.changing():
            old = self.valid_key(key_id, "create a new one instead")
            if old.replaced_by is not None:
                raise UsageError(f"key {old.id} was rotated already: rotate the new one, {old.replaced_by}.")
            if expires_ms is None and old.expires_ms is not None:
                expires_ms = now + old.expires_ms - max(old.created_ms, old.starts_ms or 0)
            key = self.insert(
                tenant=old.tenant, scopes=old.scopes, label=old.label, machines=old.machines, expires_ms=expires_ms,
                # One that is not valid yet is not made valid sooner.
                starts_ms=old.starts_ms if (old.starts_ms or 0) > now else None,
            )  # fmt: skip
            ends_ms = min(now + overlap_ms, old.expires_ms or NEVER_MS)
            changed = Key.update(expires_ms=ends_ms, replaced_by=key.split("_")[1]).where(Key.id == old.id)
            changed.execute(self.database)
        return key

    def revoke_key(self, key_id: str) -> str:
        """End a key now, known by its id or by itself, and return its id; raise NotFound if it has ended already."""
        with self.changing():
            key = self.valid_key(key_id, "there is nothing to revoke")
            Key.update(revoked_ms=now_ms()).where(Key.id == key.id).execute(self.database)
        return str(key.id)

    def valid_key(self, key_id: str, otherwise: str) -> Key:
        """Return a key that is valid, or will be; the caller holds the lock."""
        # Who found a key that leaked has the key, and not its id.
        wanted = match[1] if (match := KEY.fullmatch(key_id)) else key_id
        found = {row.id: row for row in Key.select(*SHOWN).execute(self.database)}
        if wanted not in found:
            raise NotFound(
                f"there is no key {wanted[:16]!r}: `key list` shows the ids of those that there are."
                f"{meant(wanted, list(found))}"
            )
        key = found[wanted]
        now = now_ms()
        if key.revoked_ms is not None:
            raise NotFound(f"there is no valid key {wanted!r}: it was revoked already; {otherwise}.")
        if key.expires_ms is not None and key.expires_ms <= now:
            raise NotFound(f"there is no valid key {wanted!r}: it has expired already; {otherwise}.")
        return key

    def keys(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Return what may be shown of the keys, by when they were made: `SHOWN`, and what is so now as `state`."""
        query = Key.select(*SHOWN)
        if tenant is not None:
            query = query.where(Key.tenant == tenant)
        now = now_ms()
        with self.lock:
            rows = query.order_by(Key.created_ms, peewee.SQL("rowid")).dicts().execute(self.database)
            return [{**row, "state": state_of(row, now)} for row in rows]

    def authenticate(self, key: str) -> Grant:
        """
        Return what a key allows; raise InvalidKey.

        It is the same error at the same cost for a key that is malformed, unknown, revoked, expired or not valid yet.
        """
        # Its form is not looked at: what is not a key of ours has another digest, and to know sooner would be seen.
        stored = self.stored().get(key[4:16], NOBODY)
        now = now_ms()
        known = hmac.compare_digest(digest(key), stored.digest)
        # Not `and`: each is asked whatever the other says.
        if not (known & (stored.starts_ms <= now < stored.ends_ms)):
            raise InvalidKey("The API key is missing or not valid.")
        return self.noted(stored.grant, now)

    def grant_of(self, key_id: str) -> Grant | None:
        """Return what the key of an id allows now, or None: for what was signed when the key itself was shown."""
        stored, now = self.stored().get(key_id, NOBODY), now_ms()
        return self.noted(stored.grant, now) if stored.starts_ms <= now < stored.ends_ms else None

    def noted(self, grant: Grant, now: int) -> Grant:
        """Note that a key was used, for `write_used`."""
        self.used[grant.key_id] = now - now % MINUTE_MS
        return grant

    def stored(self) -> Mapping[str, StoredKey]:
        """Return all keys by their id, read again once anyone has changed the registry."""
        with self.lock:
            version = self.database.execute_sql("PRAGMA data_version").fetchone()[0]
            if version != self.version:
                # Written out: with peewee's rows ten thousand tenants would wait for a third of a second.
                rows = self.database.execute_sql(
                    "SELECT id, tenant, digest, scopes, machines, starts_ms, expires_ms, revoked_ms FROM key"
                )
                self.table = {row[0]: looked_up(*row) for row in rows}
                self.version = version
            return self.table

    def write_used(self) -> None:
        """
        Store when keys were last used.

        By a connection of its own: nobody who shows a key waits until this is on the disk.
        """
        used, self.used = self.used, {}
        # A folder that was taken away is not made again.
        if not used or not self.path.exists():
            return
        rows = [(minute, key_id, minute) for key_id, minute in list(used.items())]
        update = "UPDATE key SET used_ms = ? WHERE id = ? AND ifnull(used_ms, 0) < ?"
        try:
            with closing(database.open_file(self.path, MIGRATIONS)) as own, own.atomic("IMMEDIATE"):
                own.connection().executemany(update, rows)
        except BaseException:
            self.used = used | self.used
            raise


def looked_up(
    key_id: str, tenant: str, stored: bytes, scopes: str, machines: str, starts_ms: int | None, expires_ms: int | None,
    revoked_ms: int | None,
) -> StoredKey:  # fmt: skip
    grant = Grant(tenant, key_id, frozenset(scopes.split()), frozenset(machines.split()) or None)
    ends_ms = NEVER_MS if expires_ms is None else expires_ms
    return StoredKey(bytes(stored), grant, starts_ms or 0, 0 if revoked_ms is not None else ends_ms)


def state_of(key: Mapping[str, Any], now: int) -> str:
    """Say what a key is now: "revoked", "expired", "waiting" (not valid yet), "ending" (rotated) or "valid"."""
    if key["revoked_ms"] is not None:
        return "revoked"
    if key["expires_ms"] is not None and key["expires_ms"] <= now:
        return "expired"
    if (key["starts_ms"] or 0) > now:
        return "waiting"
    return "valid" if key["replaced_by"] is None else "ending"


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def listed(names: list[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more if names else "none yet (`tenant create` makes one)"

"""Batches: what one request or one file brought, stored whole or not at all, and once however often it is sent."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from appliance import moment
from appliance.errors import Conflict, PerfanalysisError
from appliance.samples import Column, Samples, Values
from appliance.store import blocks, database, merging, settings
from appliance.store.database import Database
from appliance.store.prepared import Prepared
from appliance.store.tenant import TenantStore
from appliance.store.times import Seen

MAX_CONFLICTS_LISTED = 20
Conflicts = dict[tuple[str, int, int], dict[str, Any]]
"""By machine, run and time: what to tell of the first value that differs."""


@dataclass(frozen=True, slots=True)
class Batch:
    digest: bytes
    kind: str
    """Where it came from: "trickle", "csv" or "recording"."""
    samples: Sequence[Samples] | Prepared
    facts: Mapping[str, Any]
    """Facts of the machine of the samples; a batch with facts is of one machine."""
    machine: str = ""
    """Whose the facts are where there are no samples."""
    key_id: str = ""
    keep_first: bool = False
    """Store what does not conflict, and count what does, instead of refusing the whole."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch; the same, with `duplicate`, when it is sent again."""

    batch: str
    """The digest, in hexadecimal."""
    rows: int
    """Samples in the batch: different times of different machines and runs."""
    inserted: int
    duplicates: int
    conflicts: int
    start_ms: int | None
    end_ms: int | None
    duplicate: bool = False


def digest_of(kind: str, machine: str, content: bytes) -> bytes:
    """Return the identity of a batch: the same bytes, of the same kind and for the same machine, are the same batch."""
    digest = start_digest(kind, machine)
    digest.update(content)
    return digest.digest()


def start_digest(kind: str, machine: str) -> "hashlib._Hash":
    return hashlib.sha256(f"pa1\0{kind}\0{machine}\0".encode())


def add_batch(store: TenantStore, batch: Batch, confirm: Callable[[], object] = lambda: None) -> Receipt:
    """
    Store a batch whole or not at all and return its receipt, or the receipt of when it was stored before.

    Whatever `confirm` raises refuses it: it is called in the transaction, when the batch is ready to be committed.

    When it returns, the samples are on the disk. Raises Conflict if values differ from stored ones of the same machine,
    run and time (unless the batch says to keep the first ones), and the errors of `database.translated`.

    Batches that wait for the store are stored together: who comes first leads, and commits for all that wait by then;
    when that is done, the first of those that came meanwhile leads. Waiting for the disk is most of what a small batch
    costs. Nobody takes the store's lock only to find the own batch done: one after the other would wait for it.
    """
    # The work is done before anyone has to wait for it.
    prepared = batch.samples if isinstance(batch.samples, Prepared) else Prepared(batch.samples)
    own = Waiting(replace(batch, samples=prepared), confirm)
    store.space.check(prepared.size)
    try:
        with store.entrance:
            store.waiting.append(own)
            leads, store.led = not store.led, True
        if not leads:
            own.called.acquire()
        if own.outcome is None and not own.taken:
            lead(store, own)
        outcome = own.outcome
        if outcome is None:
            with store.lock:
                outcome = own.store_alone(store)
    except (OSError, *database.LIBRARY_ERRORS) as error:
        raise failure(store, error) from error
    if isinstance(outcome, Receipt):
        if not outcome.duplicate:
            merging.note(store, prepared)
        return outcome
    raise outcome


def failure(store: TenantStore, error: Exception) -> Exception:
    """Return what is to be said of a batch that could not be stored; the connection is not trusted any more."""
    quota = None
    with suppress(PerfanalysisError, *database.LIBRARY_ERRORS):
        store.rest()
        if database.is_full(error) and not store.space.is_low():
            with store.lock:
                quota = settings.read(store.database).quota_bytes
    return database.translated(error, store.path) if quota is None else settings.reached(quota)


def closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Waiting:
    """A batch on its way into the store."""

    batch: Batch
    confirm: Callable[[], object]
    taken: bool = False
    """It was tried together with others: if that failed, it is tried alone."""
    outcome: Receipt | PerfanalysisError | None = None
    """Set after the commit, never before."""
    called: threading.Lock = field(default_factory=closed)
    """Opened when it was tried, or when it is for this one to lead."""

    def store_alone(self, store: TenantStore) -> Receipt:
        """Store it in a transaction of its own; the caller holds the store's lock."""
        store.check_there()
        with store.database.atomic("IMMEDIATE"):
            return self.add(store.database)

    def add(self, db: Database) -> Receipt:
        receipt = add(db, self.batch)
        self.confirm()
        return receipt


def lead(store: TenantStore, own: Waiting) -> None:
    """Store all batches that wait, in one transaction, and call those whose they are, and who leads next."""
    group: list[Waiting] = []
    try:
        with store.lock:
            with store.entrance:
                group.extend(store.waiting)
                store.waiting.clear()
            for waiting in group:
                waiting.taken = True
            if len(group) > 1:
                commit_together(store, group)
            if own.outcome is None:
                own.outcome = own.store_alone(store)
    finally:
        with store.entrance:
            if not own.taken:
                store.waiting.remove(own)
            follower = store.waiting[0] if store.waiting else None
            store.led = follower is not None
        for waiting in [follower, *group] if follower else group:
            waiting.called.release()


def commit_together(store: TenantStore, group: list[Waiting]) -> None:
    """Store batches in one transaction; the caller holds the store's lock."""
    store.check_there()
    # Whatever else goes wrong undoes the whole transaction; the batch that it comes from will meet it again alone.
    with suppress(Exception):
        outcomes: Sequence[Receipt | PerfanalysisError]
        try:
            with store.database.atomic("IMMEDIATE"):
                outcomes = [waiting.add(store.database) for waiting in group]
        except PerfanalysisError:
            # One is refused, which is rare: only then is it worth to be able to undo each.
            with store.database.atomic("IMMEDIATE"):
                outcomes = [attempt(store.database, waiting) for waiting in group]
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.outcome = outcome


def attempt(db: Database, waiting: Waiting) -> Receipt | PerfanalysisError:
    """Store a batch inside a transaction; what refuses it leaves the transaction as it was."""
    try:
        with db.savepoint():
            return waiting.add(db)
    except PerfanalysisError as error:
        return error


def find_receipt(store: TenantStore, digest: bytes) -> Receipt | None:
    """Return the receipt of a batch that was stored before."""
    with store.lock:
        return stored_receipt(store.database, digest)


def stored_receipt(db: Database, digest: bytes) -> Receipt | None:
    row = db.execute_sql("SELECT receipt FROM batch WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else replace(Receipt(**json.loads(row[0])), duplicate=True)


def add(db: Database, batch: Batch) -> Receipt:
    if (stored := stored_receipt(db, batch.digest)) is not None:
        return stored
    settings.hold_to_quota(db)
    now = time.time_ns() // 1_000_000
    prepared = batch.samples if isinstance(batch.samples, Prepared) else Prepared(batch.samples)
    conflicts: Conflicts = {}
    machines: dict[str, int] = {}
    for name in dict.fromkeys([*([batch.machine] if batch.machine else []), *(block.machine for block in prepared)]):
        machines[name] = machine_id(db, name, now)
    fresh = store_blocks(db, prepared, machines, conflicts)
    every = prepared.seen
    if conflicts and not batch.keep_first:
        raise refusal(conflicts, every.count())
    for machine in machines.values():
        add_facts(db, machine, batch.facts, now)
    known = every.count() - fresh.count() - sum(not fresh.has(*key) for key in conflicts)
    receipt = Receipt(batch.digest.hex(), every.count(), fresh.count(), known, len(conflicts), *every.span())
    told = json.dumps({name: getattr(receipt, name) for name in Receipt.__slots__})
    db.execute_sql(
        "INSERT INTO batch(digest, kind, key_id, received_ms, receipt) VALUES(?, ?, ?, ?, ?)",
        (batch.digest, batch.kind, batch.key_id, now, told),
    )
    return receipt


def store_blocks(db: Database, prepared: Prepared, machines: Mapping[str, int], conflicts: Conflicts) -> Seen:
    """Store what is not stored yet, and return its times; what is stored with another value goes into `conflicts`."""
    untouched = set()
    fresh = Seen()
    for at, (block, data) in enumerate(prepared.with_data()):
        machine = machines[block.machine]
        if blocks.insert_apart(db, machine, block, data):
            untouched.add(at)
            continue
        new = only_new(db, machine, blocks.decode(block, data), conflicts)
        if new is not None:
            blocks.insert(db, machine, *blocks.encode(new))
            fresh.add(new)
    if len(untouched) == len(prepared.blocks):
        return prepared.seen
    for at, (block, data) in enumerate(prepared.with_data()):
        if at in untouched:
            fresh.add(blocks.decode(block, data))
    return fresh


def refusal(conflicts: Conflicts, rows: int) -> Conflict:
    listed = list(conflicts.values())[:MAX_CONFLICTS_LISTED]
    first = listed[0]
    return Conflict(
        f"{len(conflicts)} of {rows} samples have other values than those stored for the same machine and time, "
        f"the first of {first['machine_id']} at {moment.text(round(first['timestamp'] * 1000))}, {first['column']}: "
        "nothing was stored.",
        details={"conflicts": listed, "count": len(conflicts)},
    )


def machine_id(db: Database, name: str, now: int) -> int:
    """Return a machine's row, made at its first batch."""
    found = db.execute_sql(
        "INSERT INTO machine(name, display_name, created_ms, seen_ms) VALUES(?, '', ?, ?) "
        "ON CONFLICT(name) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms) RETURNING id",
        (name, now, now),
    )
    return int(found.fetchall()[0][0])


def only_new(db: Database, machine: int, samples: Samples, conflicts: Conflicts) -> Samples | None:
    """Return the values that are not stored yet, or None; what is stored with another value goes into `conflicts`."""
    overlapping = blocks.overlapping(
        db, machine, samples.group, samples.run, int(samples.at_ms[0]), int(samples.at_ms[-1])
    )
    absent: dict[Column, Any] = {}
    for stored in overlapping:
        _, mine, theirs = np.intersect1d(samples.at_ms, stored.at_ms, assume_unique=True, return_indices=True)
        if not len(mine):
            continue
        for column, values in samples.columns.items():
            known = stored.columns.get(column)
            if known is None:
                continue
            present = absent.setdefault(column, values.mask().copy())
            both = values.mask()[mine] & known.mask()[theirs]
            present[mine[both]] = False
            for row in mine[both & (values.numbers[mine] != known.numbers[theirs])].tolist():
                at = int(samples.at_ms[row])
                conflicts.setdefault(
                    (samples.machine, samples.run, at),
                    {
                        "machine_id": samples.machine,
                        "timestamp": at / 1000,
                        "column": f"{column.metric.name} {column.instance}".strip(),
                    },
                )
    if not absent:
        return samples
    columns = {
        column: Values(values.numbers, absent[column]) if column in absent else values
        for column, values in samples.columns.items()
    }
    rows = np.zeros(len(samples.at_ms), bool)
    for values in columns.values():
        rows |= values.mask()
    return replace(samples, columns=columns).take(rows) if rows.any() else None


def add_facts(db: Database, machine: int, facts: Mapping[str, Any], now: int) -> None:
    for name, value in facts.items():
        db.execute_sql(
            "INSERT INTO fact(machine, name, value, at_ms) VALUES(?, ?, ?, ?) "
            "ON CONFLICT(machine, name, value) DO UPDATE SET at_ms = excluded.at_ms",
            (machine, name, json.dumps(value, sort_keys=True), now),
        )

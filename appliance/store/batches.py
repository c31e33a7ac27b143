"""Batches: what one request or one file brought, stored whole or not at all, and once however often it is sent."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance import moment
from appliance.errors import Conflict, PerfanalysisError
from appliance.samples import Column, Samples, Values, distinct
from appliance.store import blocks, database
from appliance.store.database import Database
from appliance.store.tenant import TenantStore

MAX_CONFLICTS_LISTED = 20
Conflicts = dict[tuple[str, int, int], dict[str, Any]]
"""By machine, run and time: what to tell of the first value that differs."""


@dataclass(frozen=True, slots=True)
class Batch:
    digest: bytes
    kind: str
    """Where it came from: "trickle", "csv" or "recording"."""
    samples: Sequence[Samples]
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

    Batches that wait for the store are stored together: whoever comes to its turn first commits for all of them, and
    the others find theirs done. Waiting for the disk is most of what a small batch costs.
    """
    own = Waiting(batch, confirm)
    store.waiting.put(own)
    try:
        with store.lock:
            if own.outcome is None and not own.taken:
                commit_waiting(store)
            if own.outcome is None:
                with store.database.atomic("IMMEDIATE"):
                    return own.add(store.database)
    except (OSError, *database.LIBRARY_ERRORS) as error:
        raise database.translated(error, store.path) from error
    if isinstance(own.outcome, Receipt):
        return own.outcome
    raise own.outcome


@dataclass(slots=True, eq=False)
class Waiting:
    """A batch on its way into the store."""

    batch: Batch
    confirm: Callable[[], object]
    taken: bool = False
    """It was tried together with others: if that failed, it is tried alone."""
    outcome: Receipt | PerfanalysisError | None = None
    """Set after the commit, never before."""

    def add(self, db: Database) -> Receipt:
        receipt = add(db, self.batch)
        self.confirm()
        return receipt


def commit_waiting(store: TenantStore) -> None:
    """Store all batches that wait in one transaction, if there are several; the caller holds the store's lock."""
    group: list[Waiting] = []
    while not store.waiting.empty():
        group.append(store.waiting.get())
        group[-1].taken = True
    if len(group) < 2:
        return
    # Whatever else goes wrong undoes the whole transaction; the batch that it comes from will meet it again alone.
    with suppress(Exception):
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
    now = time.time_ns() // 1_000_000
    every, fresh = Times(), Times()
    conflicts: Conflicts = {}
    machines: dict[str, int] = {}
    if batch.machine:
        machines[batch.machine] = machine_id(db, batch.machine, now)
    for part in batch.samples:
        if part.machine not in machines:
            machines[part.machine] = machine_id(db, part.machine, now)
        every.add(part)
        touched = blocks.overlaps(db, machines[part.machine], part)
        for piece in blocks.pieces(part):
            new = piece if not touched else only_new(db, machines[part.machine], piece, conflicts)
            if new is not None:
                blocks.insert(db, machines[part.machine], new)
                if touched:
                    fresh.add(new)
        if not touched:
            fresh.add(part)
        blocks.merge_small(db, machines[part.machine], part)
    if conflicts and not batch.keep_first:
        raise refusal(conflicts, every.count())
    for machine in machines.values():
        add_facts(db, machine, batch.facts, now)
    known = every.count() - fresh.count() - sum(not fresh.has(*key) for key in conflicts)
    receipt = Receipt(batch.digest.hex(), every.count(), fresh.count(), known, len(conflicts), *every.span())
    db.execute_sql(
        "INSERT INTO batch(digest, kind, key_id, received_ms, receipt) VALUES(?, ?, ?, ?, ?)",
        (batch.digest, batch.kind, batch.key_id, now, json.dumps(asdict(receipt))),
    )
    return receipt


class Times:
    """Counts samples: different times of different machines and runs, whatever the groups they came in."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int], list[npt.NDArray[np.int64]]] = {}

    def add(self, samples: Samples) -> None:
        parts = self.parts.setdefault((samples.machine, samples.run), [])
        # Groups that were read together have the same times.
        if not parts or not np.array_equal(parts[-1], samples.at_ms):
            parts.append(samples.at_ms)

    @cached_property
    def seen(self) -> dict[tuple[str, int], npt.NDArray[np.int64]]:
        """The times of each machine and run, in order: asked for when all were added."""
        return {key: distinct(parts) for key, parts in self.parts.items()}

    def count(self) -> int:
        return sum(len(at_ms) for at_ms in self.seen.values())

    def has(self, machine: str, run: int, at_ms: int) -> bool:
        return at_ms in self.seen.get((machine, run), ())

    def span(self) -> tuple[int | None, int | None]:
        """Return the first and the last time, or None for both."""
        times = [at_ms for at_ms in self.seen.values() if len(at_ms)]
        return (
            min((int(at_ms[0]) for at_ms in times), default=None),
            max((int(at_ms[-1]) for at_ms in times), default=None),
        )


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
    db.execute_sql(
        "INSERT INTO machine(name, display_name, created_ms, seen_ms) VALUES(?, '', ?, ?) "
        "ON CONFLICT(name) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms)",
        (name, now, now),
    )
    return int(db.execute_sql("SELECT id FROM machine WHERE name = ?", (name,)).fetchone()[0])


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

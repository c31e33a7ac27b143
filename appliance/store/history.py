"""A machine's history, read from its tenant's file: machines, samples and facts."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from appliance.errors import NotFound
from appliance.machine import name_of
from appliance.metrics import Group
from appliance.samples import Samples
from appliance.spelling import meant
from appliance.store import blocks
from appliance.store.tenant import Fact, Machine, TenantStore

LEAD_MS = 3_600_000
"""How much earlier than asked to read where rates are wanted: the first one needs the sample before it."""
ALWAYS = (-(2**62), 2**62)
MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class MachineSummary:
    machine_id: str
    name: str
    """What people call it: the name it was given, or calls itself by, or its id."""
    created_ms: int
    seen_ms: int
    """When something of it was last received."""
    samples: int
    start_ms: int | None
    end_ms: int | None


def machines(store: TenantStore) -> list[MachineSummary]:
    """Return every machine of a tenant, by id; a sample counts once, however many groups and runs have its time."""
    with store.lock, store.database.atomic():
        rows = store.database.execute_sql(
            "SELECT id, name, display_name, created_ms, seen_ms FROM machine ORDER BY name"
        ).fetchall()
        spans: dict[int, list[Span]] = {}
        for machine, *span in store.database.execute_sql(
            "SELECT machine, min(start_ms) AS start_ms, max(end_ms), max(samples) FROM (SELECT machine, run, "
            "min(start_ms) AS start_ms, max(end_ms) AS end_ms, sum(samples) AS samples FROM block "
            "GROUP BY machine, run, kind) GROUP BY machine, run ORDER BY machine, start_ms"
        ):
            spans.setdefault(machine, []).append(Span(*span))
        samples = {machine: count(store, machine, found) for machine, found in spans.items()}
        metas = store.database.execute_sql(
            "SELECT m.name, f.value FROM fact f JOIN machine m ON m.id = f.machine "
            "WHERE f.name = 'meta' ORDER BY f.at_ms, f.id"
        ).fetchall()
    own = {machine: name_of(machine, json.loads(meta)) for machine, meta in metas}
    return [
        MachineSummary(
            name, given or own.get(name, name), created_ms, seen_ms, samples.get(machine, 0),
            min((span.start_ms for span in spans.get(machine, ())), default=None),
            max((span.end_ms for span in spans.get(machine, ())), default=None),
        )
        for machine, name, given, created_ms, seen_ms in rows
    ]  # fmt: skip


class Span(NamedTuple):
    """What one run has of a machine."""

    start_ms: int
    end_ms: int
    samples: int


def count(store: TenantStore, machine: int, spans: Sequence[Span]) -> int:
    """Count the times of a machine's samples, given its runs by their start."""
    if all(one.end_ms < next_one.start_ms for one, next_one in pairwise(spans)):
        return sum(span.samples for span in spans)
    # Runs that cover the same time, such as a recording and its own export, may share samples: only their times tell.
    blocks_of = partial(blocks.overlapping, store.database, machine)
    return max(
        len(np.unique(np.concatenate([block.at_ms for block in found])))
        for group in Group
        if (found := list(blocks_of(group, None, *ALWAYS)))
    )


def machine(store: TenantStore, machine_id: str) -> MachineSummary:
    """Return one machine, or raise NotFound."""
    found = next((summary for summary in machines(store) if summary.machine_id == machine_id), None)
    if found is None:
        raise NotFound(f"there is no machine {machine_id[:80]!r}: the list of machines shows what there is.")
    return found


def chosen(store: TenantStore, machine_id: str) -> MachineSummary:
    """Return one machine, or raise NotFound with what the person at the command line may have meant."""
    found = machines(store)
    for summary in found:
        if summary.machine_id == machine_id:
            return summary
    known = [summary.machine_id for summary in found]
    more = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
    raise NotFound(
        f"there is no machine {machine_id[:80]!r}: there is {', '.join(known[:MAX_NAMED]) or 'none yet'}{more}."
        f"{meant(machine_id, known)}"
    )


def rename(store: TenantStore, machine_id: str, name: str) -> None:
    """Set what people call a machine; raise NotFound."""
    with store.lock, store.database.atomic("IMMEDIATE"):
        changed = Machine.update(display_name=name).where(Machine.name == machine_id).execute(store.database)
    if not changed:
        chosen(store, machine_id)


def stored_bytes(store: TenantStore, machine_id: str) -> int:
    """Return how many bytes the samples of a machine take in the store."""
    query = "SELECT sum(length(b.data)) FROM block b JOIN machine m ON m.id = b.machine WHERE m.name = ?"
    with store.lock:
        return int(store.database.execute_sql(query, (machine_id,)).fetchone()[0] or 0)


def read(
    store: TenantStore, machine_id: str, start_ms: int = ALWAYS[0], end_ms: int = ALWAYS[1],
    groups: Collection[Group] = tuple(Group),
) -> list[Samples]:  # fmt: skip
    """Return a machine's samples of a span of time (both ends inside), in blocks, by group and time."""
    with store.lock, store.database.atomic():
        row = next(iter(Machine.select(Machine.id).where(Machine.name == machine_id).execute(store.database)), None)
        if row is None:
            return []
        return [
            part
            for group in groups
            for block in blocks.overlapping(store.database, row.id, group, None, start_ms, end_ms)
            if (part := blocks.within(block, start_ms, end_ms)) is not None
        ]


def facts(store: TenantStore, machine_id: str) -> dict[str, Any]:
    """Return the newest value of each fact of a machine; what is empty in it keeps its older value (a name)."""
    query = (
        Fact.select(Fact.name, Fact.value)
        .join(Machine, on=Fact.machine == Machine.id)
        .where(Machine.name == machine_id)
        .order_by(Fact.at_ms, Fact.id)
    )
    found: dict[str, Any] = {}
    with store.lock:
        for row in query.execute(store.database):
            newer = json.loads(row.value)
            known = found.setdefault(row.name, newer)
            known.update({key: value for key, value in newer.items() if value != ""})
    return found

"""A machine's history, read from its tenant's file: machines, samples and facts."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from appliance.errors import NotFound
from appliance.machine import name_of
from appliance.metrics import Group
from appliance.samples import Samples
from appliance.store import blocks
from appliance.store.tenant import Fact, Machine, TenantStore

LEAD_MS = 3_600_000
"""How much earlier than asked to read where rates are wanted: the first one needs the sample before it."""
ALWAYS = (-(2**62), 2**62)


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
    """Return every machine of a tenant, by id; a sample counts once however many groups it has."""
    with store.lock:
        rows = store.database.execute_sql(
            "SELECT m.name, m.display_name, m.created_ms, m.seen_ms, max(b.samples), min(b.start_ms), max(b.end_ms) "
            "FROM machine m LEFT JOIN (SELECT machine, sum(samples) AS samples, min(start_ms) AS start_ms, "
            "max(end_ms) AS end_ms FROM block GROUP BY machine, kind) b ON b.machine = m.id "
            "GROUP BY m.id ORDER BY m.name"
        ).fetchall()
        metas = store.database.execute_sql(
            "SELECT m.name, f.value FROM fact f JOIN machine m ON m.id = f.machine "
            "WHERE f.name = 'meta' ORDER BY f.at_ms, f.id"
        ).fetchall()
    own = {machine: name_of(machine, json.loads(meta)) for machine, meta in metas}
    return [
        MachineSummary(row[0], row[1] or own.get(row[0], row[0]), row[2], row[3], row[4] or 0, row[5], row[6])
        for row in rows
    ]


def machine(store: TenantStore, machine_id: str) -> MachineSummary:
    """Return one machine, or raise NotFound."""
    found = next((summary for summary in machines(store) if summary.machine_id == machine_id), None)
    if found is None:
        raise NotFound(f"there is no machine {machine_id[:80]!r}: `machine list` shows the machines.")
    return found


def rename(store: TenantStore, machine_id: str, name: str) -> None:
    """Set what people call a machine."""
    with store.lock, store.database.atomic("IMMEDIATE"):
        changed = Machine.update(display_name=name).where(Machine.name == machine_id).execute(store.database)
    if not changed:
        raise NotFound(f"there is no machine {machine_id[:80]!r}: `machine list` shows the machines.")


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

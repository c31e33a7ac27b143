"""The machines of a tenant."""

from typing import Any

from appliance import moment
from appliance.receive import answers
from appliance.receive.call import KeyedCall
from appliance.store import history
from appliance.store.history import MachineSummary
from appliance.store.tenant import TenantStore


def list_(store: TenantStore, call: KeyedCall) -> dict[str, Any]:
    """`GET /api/v1/machines`."""
    return {"status": "success", "machines": [summary(machine) for machine in call.machines(store)]}


def get(store: TenantStore, call: KeyedCall, machine_id: str) -> dict[str, Any]:
    """`GET /api/v1/machines/<id>`."""
    return summary(history.machine(store, call.machine(machine_id)))


def summary(machine: MachineSummary) -> dict[str, Any]:
    return {
        "id": machine.machine_id,
        "name": machine.name,
        "created_at": moment.text(machine.created_ms),
        "last_seen": moment.text(machine.seen_ms),
        "samples": machine.samples,
        "range": answers.span(machine.start_ms, machine.end_ms),
    }

"""`perfanalysis machine`: list, show and rename machines."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.options import data_option, json_option, tenant_option
from appliance.cli.tables import (
    iso,
    near_text,
    print_json,
    shortened,
    show,
    show_one,
    size_text,
    time_text,
)
from appliance.errors import NotFound

if TYPE_CHECKING:
    from appliance.store.history import MachineSummary


@click.group("machine", epilog="Example: perfanalysis machine rename web-1 'Shop, front'")
def command() -> None:
    """List and show machines, and give them names that people know."""


@command.command("list", epilog="Example: perfanalysis machine list --tenant team-a")
@tenant_option
@json_option
@data_option
def list_(tenant: str | None, as_json: bool, data: Path) -> None:
    """List the machines of a tenant, with what is stored of each."""
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    with Registry(data, read_only=True) as registry:
        chosen = registry.choose(tenant)
    found: list[MachineSummary] = []
    # A tenant whose file is not there yet has no machine.
    with suppress(NotFound), TenantStore(data, chosen, read_only=True) as store:
        found = history.machines(store)
    if as_json:
        print_json([described(machine) for machine in found])
        return
    rows = [
        (
            machine.machine_id,
            shortened(machine.name, 20),
            machine.samples,
            day_text(machine.start_ms),
            day_text(machine.end_ms),
            near_text(machine.seen_ms),
        )
        for machine in found
    ]
    show(
        ("machine", "name", "samples", "from (UTC)", "to (UTC)", "received"), rows,
        "There is no machine yet: import a file, or send something to `perfanalysis serve`.",
    )  # fmt: skip


@command.command("show", epilog="Example: perfanalysis machine show web-1 --tenant team-a")
@click.argument("machine_id", metavar="MACHINE")
@tenant_option
@json_option
@data_option
def show_machine(machine_id: str, tenant: str | None, as_json: bool, data: Path) -> None:
    """Show a machine: what is stored of it, what it is, and the keys that are bound to it."""
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    with Registry(data, read_only=True) as registry:
        chosen = registry.choose(tenant)
        keys = registry.keys(chosen)
    with TenantStore(data, chosen, read_only=True) as store:
        found = history.chosen(store, machine_id)
        facts = history.facts(store, machine_id)
        stored_bytes = history.stored_bytes(store, machine_id)
    bound = [key["id"] for key in keys if machine_id in key["machines"].split()]
    if as_json:
        print_json({**described(found), "stored_bytes": stored_bytes, "keys": bound, "facts": facts})
        return
    rows: list[tuple[str, object]] = [
        ("tenant", chosen),
        ("name", found.name),
        ("samples", f"{found.samples:,}"),
        ("from", time_text(found.start_ms)),
        ("to", time_text(found.end_ms)),
        ("received", f"first {near_text(found.created_ms)}, last {near_text(found.seen_ms)}"),
        ("stored", size_text(stored_bytes)),
        *hardware(facts),
        ("keys", ", ".join(bound) or "none is bound to it"),
    ]
    show_one(found.machine_id, rows)


@command.command("rename", epilog="Example: perfanalysis machine rename web-1 'Shop, front'")
@click.argument("machine_id", metavar="MACHINE")
@click.argument("name")
@tenant_option
@data_option
def rename(machine_id: str, name: str, tenant: str | None, data: Path) -> None:
    """Give a machine a name for people; its id stays. An empty name takes it away again."""
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    with Registry(data, read_only=True) as registry:
        chosen = registry.choose(tenant)
    with TenantStore(data, chosen) as store:
        history.rename(store, machine_id, name)


def day_text(at_ms: int | None) -> str:
    """Write a time without its seconds: what fits into the column of a table."""
    return time_text(at_ms).removesuffix("Z")[:16]


def hardware(facts: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return of the facts of a machine what a person looks for first."""
    cpus, meta, system = (facts.get(name, {}) for name in ("cpuinfo", "meta", "system"))
    processors = f"{cpus['total_cpus']} x {cpus.get('model_name', 'CPU')}" if "total_cpus" in cpus else ""
    memory = size_text(meta["memory_bytes"]) if isinstance(meta.get("memory_bytes"), int) else ""
    running = ", ".join(str(part) for part in (system.get("distribution"), meta.get("kernel")) if part)
    rows = [("processors", processors), ("memory", memory), ("system", running)]
    return [(name, text) for name, text in rows if text]


def described(machine: "MachineSummary") -> dict[str, Any]:
    """Return what `--json` tells of a machine; times are ISO 8601 in UTC or null."""
    return {
        "id": machine.machine_id,
        "name": machine.name,
        "samples": machine.samples,
        "start": iso(machine.start_ms),
        "end": iso(machine.end_ms),
        "created_at": iso(machine.created_ms),
        "last_received_at": iso(machine.seen_ms),
    }

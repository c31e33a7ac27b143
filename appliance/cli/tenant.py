"""`perfanalysis tenant`: create, list and show tenants."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance import moment
from appliance.boundary import tell
from appliance.cli.options import data_option, json_option
from appliance.cli.tables import iso, near_text, print_json, show, show_one, size_text, time_text
from appliance.errors import BadData, UsageError

if TYPE_CHECKING:
    from appliance.store.overview import Overview

VALID = ("valid", "ending")
"""The states of a key that opens something now."""


@click.group("tenant", epilog="Example: perfanalysis tenant create team-a")
def command() -> None:
    """Create, list and show tenants: teams or customers that see nothing of each other."""


@command.command("create", epilog="Example: perfanalysis tenant create team-a")
@click.argument("name")
@data_option
def create(name: str, data: Path) -> None:
    """Make a tenant; its NAME has small letters, digits and dashes."""
    from appliance.store.registry import Registry

    with Registry(data) as registry:
        registry.create_tenant(name)
    click.echo(f"Tenant {name} is there. Make a key for it: perfanalysis key create --tenant {name}", err=True)


@command.command("list", epilog="Example: perfanalysis tenant list --json")
@json_option
@data_option
def list_(as_json: bool, data: Path) -> None:
    """List the tenants: the keys that are valid, the machines, the size on the disk, and when something last came."""
    from appliance.store import overview
    from appliance.store.registry import Registry

    with Registry(data, read_only=True) as registry:
        created, keys = registry.created(), registry.keys(None)
    found, of_keys = [overview.of_tenant(data, name) for name in created], states(keys)
    described = [describe(tenant, created[tenant.tenant], of_keys[tenant.tenant]) for tenant in found]
    if as_json:
        print_json(described)
        return
    rows = [
        (
            tenant.tenant,
            about["keys_valid"],
            "?" if tenant.trouble else tenant.machines,
            size_text(tenant.size_bytes),
            "?" if tenant.trouble else near_text(tenant.seen_ms),
        )
        for tenant, about in zip(found, described, strict=True)
    ]
    show(
        ("tenant", "keys", "machines", "size", "last received"), rows,
        "There is no tenant yet. Make one: perfanalysis tenant create NAME",
    )  # fmt: skip
    for tenant in found:
        if tenant.trouble:
            tell(f"{tenant.tenant}: {tenant.trouble}")


@command.command("show", epilog="Example: perfanalysis tenant show team-a")
@click.argument("name", required=False)
@json_option
@data_option
def show_tenant(name: str | None, as_json: bool, data: Path) -> None:
    """Show a tenant and what it has; its NAME may be left out where there is only one."""
    from appliance.store import overview
    from appliance.store.registry import Registry, listed

    with Registry(data, read_only=True) as registry:
        if name is None and len(names := registry.tenants()) > 1:
            raise UsageError(f"name the tenant, perfanalysis tenant show NAME: there is {listed(names)}.")
        chosen = registry.choose(name)
        created, keys = registry.created(), registry.keys(chosen)
    found = overview.of_tenant(data, chosen)
    about = describe(found, created[chosen], states(keys)[chosen])
    if as_json:
        print_json(about)
        return
    if found.trouble:
        raise BadData(found.trouble)
    valid, over = about["keys_valid"], about["keys"] - about["keys_valid"]
    span = "none yet" if found.start_ms is None else f"{time_text(found.start_ms)} to {time_text(found.end_ms)}"
    rows = [
        ("made", about["created_at"]),
        ("keys", f"{valid} valid" + (f", {over} not (any more)" if over else "")),
        ("machines", f"{found.machines:,}"),
        ("samples", span),
        ("received", f"last {near_text(found.seen_ms)}" if found.seen_ms else "never"),
        ("size", size_text(found.size_bytes)),
        ("folder", found.folder),
    ]
    show_one(found.tenant, rows)


def states(keys: Sequence[Mapping[str, Any]]) -> Mapping[str, list[str]]:
    """Return the states of the keys of each tenant that has any."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        found[key["tenant"]].append(key["state"])
    return found


def describe(tenant: "Overview", created_ms: int, keys: Sequence[str]) -> dict[str, Any]:
    """Return what `--json` tells of a tenant, given the states of its keys; times are ISO 8601 in UTC or null."""
    return {
        "tenant": tenant.tenant,
        "created_at": moment.text(created_ms),
        "keys": len(keys),
        "keys_valid": sum(state in VALID for state in keys),
        "machines": tenant.machines,
        "size_bytes": tenant.size_bytes,
        "last_received_at": iso(tenant.seen_ms),
        "start": iso(tenant.start_ms),
        "end": iso(tenant.end_ms),
        "folder": str(tenant.folder),
        "trouble": tenant.trouble or None,
    }

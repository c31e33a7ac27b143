"""`perfanalysis machine`: list and rename machines."""

from pathlib import Path

import click

from appliance.cli.options import data_option, tenant_option
from appliance.cli.tables import show, time_text


@click.group("machine", epilog="Example: perfanalysis machine rename web-1 'Shop, front'")
def command() -> None:
    """List machines and give them names that people know."""


@command.command("list")
@tenant_option
@data_option
def list_(tenant: str | None, data: Path) -> None:
    """List the machines of a tenant, with what is stored of each."""
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    with TenantStore(data, Registry(data, read_only=True).choose(tenant), read_only=True) as store:
        rows = [
            (found.machine_id, found.name, found.samples, time_text(found.start_ms), time_text(found.end_ms))
            for found in history.machines(store)
        ]
    show(("machine", "name", "samples", "from", "to"), rows)


@command.command("rename")
@click.argument("machine_id", metavar="MACHINE")
@click.argument("name")
@tenant_option
@data_option
def rename(machine_id: str, name: str, tenant: str | None, data: Path) -> None:
    """Give a machine a name for people; its id stays."""
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    with TenantStore(data, Registry(data).choose(tenant)) as store:
        history.rename(store, machine_id, name)

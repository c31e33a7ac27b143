"""`perfanalysis tenant`: create and list tenants."""

from pathlib import Path

import click

from appliance.cli.options import data_option


@click.group("tenant", epilog="Example: perfanalysis tenant create team-a")
def command() -> None:
    """Create and list tenants: teams or customers that see nothing of each other."""


@command.command("create")
@click.argument("name")
@data_option
def create(name: str, data: Path) -> None:
    """Make a tenant."""
    from appliance.store.registry import Registry

    Registry(data).create_tenant(name)
    click.echo(f"Tenant {name} is there. Make a key for it: perfanalysis key create --tenant {name}", err=True)


@command.command("list")
@data_option
def list_(data: Path) -> None:
    """List the tenants."""
    from appliance.store.registry import Registry

    for name in Registry(data, read_only=True).tenants():
        click.echo(name)

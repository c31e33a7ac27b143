"""`perfanalysis key`: create, list and revoke keys."""

from pathlib import Path

import click

from appliance.cli.options import data_option, tenant_option
from appliance.cli.tables import show, time_text


@click.group("key", epilog="Example: perfanalysis key create --tenant team-a > team-a.key")
def command() -> None:
    """Create, list and revoke keys: who has a key of a tenant may send to it and read from it."""


@command.command("create")
@tenant_option
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(["write", "read", "admin"]), default=("write", "read"),
    show_default="write and read", help="What the key allows; may be repeated.",
)  # fmt: skip
@click.option("--label", default="", help="What it is for, shown in the list.")
@data_option
def create(tenant: str | None, scopes: tuple[str, ...], label: str, data: Path) -> None:
    """Make a key and print it: it is not stored and cannot be shown again."""
    from appliance.store.registry import Registry

    registry = Registry(data)
    click.echo(registry.create_key(registry.choose(tenant), scopes, label))


@command.command("list")
@tenant_option
@click.option("--all", "every", is_flag=True, help="Revoked ones too.")
@data_option
def list_(tenant: str | None, every: bool, data: Path) -> None:
    """List the keys that are valid, without their secrets."""
    from appliance.store.registry import Registry

    keys = Registry(data, read_only=True).keys(tenant)
    rows = [
        (
            key["id"],
            key["tenant"],
            key["scopes"],
            time_text(key["created_ms"]),
            time_text(key["revoked_ms"]),
            key["label"],
        )
        for key in keys
        if every or key["revoked_ms"] is None
    ]
    show(("id", "tenant", "scopes", "created", "revoked", "label"), rows)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@data_option
def revoke(key_id: str, data: Path) -> None:
    """Make a key invalid at once."""
    from appliance.store.registry import Registry

    Registry(data).revoke_key(key_id)
    click.echo(f"Key {key_id} is not valid any more.", err=True)

"""`perfanalysis key`: create, list, rotate and revoke keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from appliance.cli.options import Decorated, Duration, FutureTime, data_option, json_option, tenant_option
from appliance.cli.tables import iso, near_text, print_json, shortened, show, time_text

OVER = ("revoked", "expired")
"""The states of a key that opens nothing any more."""


@click.group("key", epilog="Example: perfanalysis key create --tenant team-a > team-a.key")
def command() -> None:
    """Create, list, rotate and revoke keys: who has a key of a tenant may send to it and read from it."""


def expires_option(default: str) -> Callable[[Decorated], Decorated]:
    """Give a command `--expires`, as Unix milliseconds or None."""
    return click.option(
        "--expires", "expires_ms", type=FutureTime(end=True), metavar="TIME",
        help=f"When it ends: 90d from now, or 2026-12-31, that day included. [default: {default}]",
    )  # fmt: skip


@command.command(
    "create", epilog="Example: perfanalysis key create --tenant team-a --scope write --machine web-1 --expires 90d"
)
@tenant_option
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(["write", "read", "admin"]), default=("write", "read"),
    show_default="write and read",
    help="What it allows; may be repeated. write sends, read reads; admin opens no address of a receiver.",
)  # fmt: skip
@click.option(
    "--machine", "machines", multiple=True, metavar="ID",
    help="Bind it to a machine: it sends and reads this one alone; may be repeated. [default: every machine]",
)  # fmt: skip
@expires_option("never")
@click.option(
    "--not-before", "starts_ms", type=FutureTime(end=False), metavar="TIME", help="When it begins. [default: now]"
)
@click.option("--label", default="", metavar="TEXT", help="What it is for, shown in the list.")
@data_option
def create(
    tenant: str | None, scopes: tuple[str, ...], machines: tuple[str, ...], expires_ms: int | None,
    starts_ms: int | None, label: str, data: Path,
) -> None:  # fmt: skip
    """
    Make a key and print it: it is not stored and cannot be shown again.

    The key stands alone on standard output, so that it can go straight into a file.
    """
    from appliance.store.registry import Registry

    with Registry(data) as registry:
        key = registry.create_key(
            registry.choose(tenant), scopes, label, machines=machines, starts_ms=starts_ms, expires_ms=expires_ms
        )
    click.echo(key)


@command.command("list", epilog="Example: perfanalysis key list --tenant team-a --all")
@tenant_option
@click.option("--all", "every", is_flag=True, help="Those that ended too: revoked or expired.")
@json_option
@data_option
def list_(tenant: str | None, every: bool, as_json: bool, data: Path) -> None:
    """
    List the keys that are valid, without their secrets.

    When a key was last used is known to the minute, one to two minutes later.
    """
    from appliance.store.registry import Registry

    with Registry(data, read_only=True) as registry:
        if tenant is not None:
            registry.choose(tenant)
        keys = [key for key in registry.keys(tenant) if every or key["state"] not in OVER]
    if as_json:
        print_json([described(key) for key in keys])
        return
    rows = [
        (
            key["id"],
            shortened(key["tenant"], 16),
            ",".join(key["scopes"].split()),
            shortened(", ".join(key["machines"].split()) or "all", 18),
            state_text(key),
            near_text(key["used_ms"]),
            shortened(key["label"], 16),
        )
        for key in keys
    ]
    owner = f" --tenant {tenant}" if tenant else ""
    show(
        ("id", "tenant", "may", "machines", "state", "last used", "label"), rows,
        f"There is no valid key. Make one: perfanalysis key create{owner}",
    )  # fmt: skip


@command.command("rotate", epilog="Example: perfanalysis key rotate 3f9a1c2b7d04 --overlap 24h > web-1.key")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap", type=Duration(), default="24h", show_default=True, metavar="TIME",
    help="How long the old key stays valid; 0 ends it now.",
)  # fmt: skip
@expires_option("as long as the old one was to last")
@data_option
def rotate(key_id: str, overlap: float, expires_ms: int | None, data: Path) -> None:
    """
    Make a key with the rights of another, which ends after the overlap, and print it.

    A key that was to be valid for 90 days gets a successor for 90 days from now, unless --expires says when it ends.
    """
    from appliance.store.registry import Registry

    with Registry(data) as registry:
        new = registry.rotate_key(key_id, round(overlap * 1000), expires_ms)
        old = next(key for key in registry.keys(None) if key["replaced_by"] == new.split("_")[1])
    click.echo(new)
    click.echo(
        f"Key {old['id']} ends at {time_text(old['expires_ms'])}: put the new one in its place before.",
        err=True,
    )


@command.command("revoke", epilog="Example: perfanalysis key revoke 3f9a1c2b7d04")
@click.argument("key_id", metavar="ID")
@data_option
def revoke(key_id: str, data: Path) -> None:
    """Make a key invalid at once, also for what is being sent with it; its ID is in `key list`."""
    from appliance.store.registry import Registry

    with Registry(data) as registry:
        revoked = registry.revoke_key(key_id)
    click.echo(f"Key {revoked} is not valid any more.", err=True)


def state_text(key: dict[str, Any]) -> str:
    """Say in a few words what a key is, and until when."""
    match key["state"]:
        case "revoked":
            return f"revoked {near_text(key['revoked_ms'])}"
        case "expired":
            return f"expired {near_text(key['expires_ms'])}"
        case "waiting":
            return f"begins {near_text(key['starts_ms'])}"
    return "valid" if key["expires_ms"] is None else f"ends {near_text(key['expires_ms'])}"


def described(key: dict[str, Any]) -> dict[str, Any]:
    """Return what `--json` tells of a key; times are ISO 8601 in UTC or null, machines null where it is of all."""
    return {
        "id": key["id"],
        "tenant": key["tenant"],
        "scopes": key["scopes"].split(),
        "machines": key["machines"].split() or None,
        "label": key["label"],
        "state": key["state"],
        "created_at": iso(key["created_ms"]),
        "starts_at": iso(key["starts_ms"]),
        "expires_at": iso(key["expires_ms"]),
        "revoked_at": iso(key["revoked_ms"]),
        "last_used_at": iso(key["used_ms"]),
        "replaced_by": key["replaced_by"],
    }

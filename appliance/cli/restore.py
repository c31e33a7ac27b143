"""`perfanalysis restore`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import data_option, json_option
from appliance.cli.progress import Bar
from appliance.cli.tables import counted, iso, print_json, time_text, visible

if TYPE_CHECKING:
    from appliance.store.restore import Restored


@click.command("restore", epilog="Example: perfanalysis restore /mnt/backups/perfanalysis-20260131T120000Z.tar")
@click.argument("backup", type=click.Path(path_type=Path))
@click.option("--tenant", metavar="NAME", help="This tenant alone. [default: all that is in it]")
@click.option("--replace", is_flag=True, help="Replace what is there.")
@json_option
@data_option
def command(backup: Path, tenant: str | None, replace: bool, as_json: bool, data: Path) -> None:
    """
    Bring back what a backup has: all tenants and keys, or one tenant.

    All of it is verified before anything changes, beside what is there, and it is restored whole or not at all, even
    if the power fails. Stop the receiver first; the data folder may be a new one. Collectors then offer again what they
    sent since the backup and still have.

    \b
    all:         Tenants that the backup does not have go (--replace).
                 Keys are those of the backup; what was revoked since stays so.
    one tenant:  The others are not touched, and its keys stay as they are.
                 A tenant that is not there any more gets those of the backup.
    """
    from appliance.store import restore

    with bar_for(backup) as bar:
        restored = restore.restore(data, backup, tenant, replace=replace, step=bar.advance)
    show(restored, data, as_json)


def bar_for(path: Path) -> Bar:
    """Show how much of a file was read, and then examined."""
    return Bar(2 * path.stat().st_size if path.is_file() else 0, "Verifying")


def show(restored: "Restored", data: Path, as_json: bool) -> None:
    """Say what came, what went, and what to do next."""
    manifest = restored.manifest
    if as_json:
        print_json(
            {
                "data": str(data),
                "made_at": iso(manifest.made_ms),
                "tenants": [asdict(kept) for kept in restored.tenants],
                "removed": list(restored.removed),
                "left_out": manifest.left_out,
                "keys_restored": restored.keys_came,
                "keys_revoked_since": restored.revoked,
            }
        )
        return
    blocks = sum(kept.blocks for kept in restored.tenants)
    names = ", ".join(kept.name for kept in restored.tenants[:20])
    more = f" and {len(restored.tenants) - 20} more" if len(restored.tenants) > 20 else ""
    click.echo(
        visible(
            f"Restored as of {time_text(manifest.made_ms)} into {data}: {names}{more}; "
            f"{counted(blocks, 'block')} of samples, every one verified."
        )
    )
    if restored.removed:
        click.echo(f"Removed, for the backup does not have them: {', '.join(restored.removed)}.", err=True)
    for why in manifest.left_out.values():
        click.echo(visible(f"Not in the backup: {why}"), err=True)
    if not restored.keys_came:
        click.echo("Its keys are as they were before.", err=True)
    elif restored.revoked:
        click.echo(f"{counted(restored.revoked, 'key')} revoked since the backup: not valid here either.", err=True)

"""`perfanalysis backup`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import data_option, json_option
from appliance.cli.progress import Bar
from appliance.cli.tables import counted, iso, print_json, size_text, visible
from appliance.errors import BadData

if TYPE_CHECKING:
    from appliance.store.backup import Done


@click.command("backup", epilog="Example: perfanalysis backup --output /mnt/backups/")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="FILE|DIR",
    help="The file to write, or the folder for one that is named by the time.",
)  # fmt: skip
@click.option("--tenant", metavar="NAME", help="This tenant alone, with its keys. [default: all]")
@json_option
@data_option
@click.pass_context
def command(context: click.Context, output: Path, tenant: str | None, as_json: bool, data: Path) -> None:
    """
    Write a backup of all tenants and their keys, or of one, also while a receiver runs.

    Every copy is verified before the backup appears under its name, whole. It has the digests of keys: only its owner
    may read it. Backups that are there are never touched; one that fails leaves nothing. A damaged tenant is left out,
    the others are in it, and the exit code is 65.

    From cron, keeping two weeks:

    \b
      perfanalysis backup --output /mnt/backups/ &&
        find /mnt/backups -name 'perfanalysis-*.tar' -mtime +14 -delete
    """
    from appliance.store import backup, verify

    with Bar(verify.count_blocks(data, tenant), "Verifying the copies") as bar:
        done = backup.back_up(data, output, tenant, bar.advance)
    tell_done(done, as_json)
    for why in done.manifest.left_out.values():
        click.echo(visible(f"Left out: {why}"), err=True)
    if done.manifest.left_out:
        context.exit(BadData.exit_code)


def tell_done(done: "Done", as_json: bool) -> None:
    """Say what was written and what of it was verified."""
    manifest = done.manifest
    if as_json:
        described = asdict(manifest)
        made_at = iso(described.pop("made_ms"))
        print_json({"path": str(done.path), "bytes": done.bytes, "made_at": made_at, **described})
        return
    blocks = sum(kept.blocks for kept in manifest.tenants)
    click.echo(
        f"{visible(str(done.path))}: {size_text(done.bytes)}, {counted(len(manifest.tenants), 'tenant')}, "
        f"{counted(blocks, 'block')} of samples, every one verified."
    )

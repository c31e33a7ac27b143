"""`perfanalysis verify`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import data_option, json_option
from appliance.cli.progress import Bar
from appliance.cli.tables import counted, iso, print_json, show, time_text, visible
from appliance.errors import BadData

if TYPE_CHECKING:
    from appliance.store.verify import Damage, Examined

MAX_TOLD = 20


@click.command("verify", epilog="Example: perfanalysis verify --tenant team-a")
@click.option("--tenant", metavar="NAME", help="This tenant alone. [default: all]")
@json_option
@data_option
@click.pass_context
def command(context: click.Context, tenant: str | None, as_json: bool, data: Path) -> None:
    """
    Check that all is stored as it was: the files, every value of every block, and what refers to what.

    A receiver may run meanwhile. What is damaged is named by tenant, machine, group of metrics and span of time, with
    exit code 65; the rest of a tenant's history can be read nevertheless.
    """
    from appliance.store import verify

    with Bar(verify.count_blocks(data, tenant), "Verifying") as bar:
        found = dict(verify.examine_all(data, tenant, bar.advance))
    damaged = {name: examined for name, examined in found.items() if examined.damages}
    registry = found.pop("")
    if as_json:
        tenants = [
            {"tenant": name, **asdict(examined), "damages": described(examined)} for name, examined in found.items()
        ]
        print_json({"whole": not damaged, "registry": described(registry), "tenants": tenants})
    else:
        show(("tenant", "machines", "blocks", "batches", "state"), [row(*each) for each in found.items()])
    for name, examined in damaged.items():
        tell(name, examined)
    if damaged:
        context.exit(BadData.exit_code)


def described(examined: "Examined") -> list[dict[str, str | None]]:
    return [
        {
            "what": damage.what,
            "machine": damage.machine or None,
            "group": damage.group or None,
            "start": iso(damage.start_ms),
            "end": iso(damage.end_ms),
        }
        for damage in examined.damages
    ]


def row(name: str, examined: "Examined") -> tuple[str, int, int, int, str]:
    state = "damaged" if examined.damages else "whole"
    return name, examined.machines, examined.blocks, examined.batches, state


def tell(name: str, examined: "Examined") -> None:
    """Say what is damaged and what to type."""
    where = f"tenant {name}" if name else "the registry"
    for damage in examined.damages[:MAX_TOLD]:
        click.echo(visible(f"Damaged: {where}{place(damage)}: {damage.what}."), err=True)
    if len(examined.damages) > MAX_TOLD:
        click.echo(f"{counted(len(examined.damages) - MAX_TOLD, 'more damage')} of {where}: --json has all.", err=True)
    of = f" --tenant {name}" if name else ""
    click.echo(f"Bring {where} back: perfanalysis restore BACKUP{of} --replace", err=True)


def place(damage: "Damage") -> str:
    if not damage.machine:
        return ""
    return f", machine {damage.machine}, {damage.group}, {time_text(damage.start_ms)} to {time_text(damage.end_ms)}"

"""`perfanalysis verify`."""

import shlex
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
            {"tenant": name, **counts(examined), "damages": described(examined)} for name, examined in found.items()
        ]
        print_json({"whole": not damaged, "registry": described(registry), "tenants": tenants})
    else:
        show(("tenant", "machines", "blocks", "batches", "state"), [row(*each) for each in found.items()])
    for name, examined in damaged.items():
        tell(name, examined, data)
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


def counts(examined: "Examined") -> dict[str, int | None]:
    if not examined.is_counted:
        return dict.fromkeys(("machines", "blocks", "batches"))
    return {"machines": examined.machines, "blocks": examined.blocks, "batches": examined.batches}


def row(name: str, examined: "Examined") -> tuple[str | int, ...]:
    numbers = ["?" if count is None else count for count in counts(examined).values()]
    return name, *numbers, "damaged" if examined.damages else "whole"


def tell(name: str, examined: "Examined", data: Path) -> None:
    """Say what is damaged and what to type."""
    where = f"tenant {name}" if name else "the registry"
    for damage in examined.damages[:MAX_TOLD]:
        click.echo(visible(f"Damaged: {where}{place(damage)}: {damage.what}."), err=True)
    if len(examined.damages) > MAX_TOLD:
        click.echo(f"{counted(len(examined.damages) - MAX_TOLD, 'more damage')} of {where}: --json has all.", err=True)
    of = f" --tenant {name}" if name else ""
    into = shlex.quote(str(data))
    click.echo(
        f"Stop the receiver and bring {where} back: perfanalysis restore BACKUP{of} --replace --data {into}", err=True
    )


def place(damage: "Damage") -> str:
    if not damage.machine:
        return ""
    return f", machine {damage.machine}, {damage.group}, {time_text(damage.start_ms)} to {time_text(damage.end_ms)}"

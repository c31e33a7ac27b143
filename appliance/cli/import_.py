"""`perfanalysis import`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import data_option, tenant_option
from appliance.cli.tables import counted, visible
from appliance.errors import BadData, Conflict, NoInput, PerfanalysisError

if TYPE_CHECKING:
    from appliance.store.batches import Receipt
    from appliance.store.tenant import TenantStore

SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz")
PIECE_BYTES = 1 << 20
MAX_NAMED = 3


@click.command("import", epilog="Example: perfanalysis import --report site recordings/")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@tenant_option
@data_option
@click.option(
    "--machine-id", default="", metavar="ID", help="The machine that all of it is of, whatever the files say."
)
@click.option("--keep-first", is_flag=True, help="Where values differ from stored ones, keep those and store the rest.")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="DIR", help="Write the tenant's site there when all is stored."
)
@click.pass_context
def command(
    context: click.Context, paths: Sequence[Path], tenant: str | None, data: Path, machine_id: str, keep_first: bool,
    report: Path | None,
) -> None:  # fmt: skip
    """
    Store recordings and CSV files, or all that are in a folder. A file is stored whole or not at all.

    Makes the data folder, and in it the tenant "default", where there is nothing yet.
    """
    from appliance.machine import check_machine_id
    from appliance.store.registry import DEFAULT_TENANT, Registry
    from appliance.store.tenant import TenantStore

    if machine_id:
        check_machine_id(machine_id)
    if report is not None:
        from appliance.cli.report import check_output

        check_output(report)
    registry = Registry(data)
    if tenant in (None, DEFAULT_TENANT) and not registry.tenants():
        registry.create_tenant(DEFAULT_TENANT)
    chosen = registry.choose(tenant)
    registry.close()
    tally = Tally()
    with TenantStore(data, chosen) as store:
        for path in paths:
            for file in found(path):
                take(store, file, machine_id, keep_first, tally, in_folder=file != path)
    tally.show()
    if report is not None and tally.stored:
        from appliance.cli.report import write_site

        click.echo(f"The report is at {write_site(data, chosen, report)}")
    if tally.refused:
        context.exit(tally.refused[0])
    if not tally.stored:
        raise NoInput(
            f"there is nothing to import in {', '.join(map(str, paths))}: name recordings or standard CSV files."
        )


@dataclass
class Tally:
    """What became of the files."""

    stored: int = 0
    rows: int = 0
    new: int = 0
    machines: set[str] = field(default_factory=set)
    left_out: int = 0
    refused: list[int] = field(default_factory=list)
    """The exit codes of the errors."""

    def show(self) -> None:
        if self.stored + self.left_out + len(self.refused) > 1:
            click.echo(
                f"{counted(self.stored, 'file')} imported: {counted(self.new, 'new row')} of "
                f"{counted(len(self.machines), 'machine')}, {self.rows - self.new:,} known already; "
                f"{self.left_out} left out, {len(self.refused)} refused."
            )


def found(path: Path) -> Iterator[Path]:
    """Give a file, or those of a folder that may be for import, in order of their names."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.name.endswith(SUFFIXES) and file.is_file() and not hidden:
            yield file


def take(store: "TenantStore", file: Path, machine_id: str, keep_first: bool, tally: Tally, *, in_folder: bool) -> None:
    """Store one file, and say what became of it."""
    from appliance.formats.csv_header import OtherFile

    try:
        receipt, machines, warnings = keep(store, file, machine_id, keep_first)
    except PerfanalysisError as error:
        if in_folder and isinstance(error, OtherFile):
            tally.left_out += 1
            click.echo(f"Left out: {visible(error.message)}", err=True)
        else:
            tally.refused.append(error.exit_code)
            click.echo(f"Not imported: {visible(error.message)}", err=True)
        return
    for warning in warnings:
        click.echo(f"Warning: {visible(warning)}", err=True)
    new = 0 if receipt.duplicate else receipt.inserted
    known = receipt.rows - new - receipt.conflicts
    more = f" and {len(machines) - MAX_NAMED} more" if len(machines) > MAX_NAMED else ""
    conflicts = f", {receipt.conflicts:,} differ from stored ones and were not stored" if receipt.conflicts else ""
    click.echo(
        f"{visible(str(file))}: {counted(receipt.rows, 'row')} of {', '.join(machines[:MAX_NAMED])}{more}: "
        f"{new:,} new, {known:,} known already{conflicts}."
    )
    tally.stored += 1
    tally.rows += receipt.rows
    tally.new += new
    tally.machines.update(machines)


def keep(
    store: "TenantStore", file: Path, machine_id: str, keep_first: bool
) -> tuple["Receipt", Sequence[str], Sequence[str]]:
    """Store a file as one batch and return its receipt, its machines and what there is to warn of."""
    from appliance.formats import reading
    from appliance.store import batches

    before = state(file)
    parsed = reading.read_file(file, machine_id)
    kind = reading.kind_of(file)
    machines = parsed.machines
    # A recording that does not name its machine is another batch in another folder.
    digest = batches.start_digest(kind, machines[0] if kind == reading.RECORDING else machine_id)
    with file.open("rb") as stream:
        for piece in iter(partial(stream.read, PIECE_BYTES), b""):
            digest.update(piece)
    if state(file) != before:
        raise BadData(f"{file} changed while it was read: import it again.")
    batch = batches.Batch(digest.digest(), kind, parsed.samples, parsed.facts, keep_first=keep_first)
    try:
        return batches.add_batch(store, batch), machines, parsed.warnings
    except Conflict as error:
        raise Conflict(f"{file}: {error.message} With --keep-first what does not differ is stored.") from error


def state(file: Path) -> tuple[int, int] | None:
    """Return what changes when a file does; None if it cannot be told, which reading it will say better."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns

"""`perfanalysis import`."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import data_option, min_free_option, tenant_option
from appliance.cli.progress import FileProgress
from appliance.cli.tables import counted
from appliance.errors import BadData, Conflict, InputOutput, NoInput, PerfanalysisError, TooLarge, UsageError

if TYPE_CHECKING:
    from appliance.store.batches import Receipt
    from appliance.store.space import Space
    from appliance.store.tenant import TenantStore

SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz")
WRITTEN_BESIDE = "perf_data.csv"
"""What `process` writes into the folder of a tree: the same samples, and it names their machine."""
STANDARD_INPUT = "-"
MAX_NAMED = 3
FAULTS_OF_A_FILE = (BadData, NoInput, TooLarge)
"""Others, such as a full disk, would befall every file."""


@click.command("import", epilog="Example: perfanalysis import --report site recordings/")
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@tenant_option
@data_option
@click.option(
    "--machine-id", default="", metavar="ID", help="The machine that all of it is of, whatever the files say."
)
@click.option("--keep-first", is_flag=True, help="Where values differ from stored ones, keep those and store the rest.")
@click.option("--verbose", "-v", is_flag=True, help="Say a line for each file, not for one alone.")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="DIR", help="Write the tenant's site there when all is stored."
)
@click.option(
    "--watch", type=click.Path(path_type=Path), metavar="DIR",
    help="Import what is dropped there, until stopped, and move it to done/ or failed/ with a .txt that says why.",
)  # fmt: skip
@min_free_option
@click.pass_context
def command(
    context: click.Context, paths: Sequence[Path], tenant: str | None, data: Path, machine_id: str, keep_first: bool,
    verbose: bool, report: Path | None, watch: Path | None, min_free: int | None,
) -> None:  # fmt: skip
    """
    Store recordings, CSV files (standard and portal) and sar-style trees, or all that are in a folder.

    A file is stored whole or not at all, and once however often it is imported; "-" is standard input. What does not
    name its machine is of --machine-id, or else of the machine that its file or folder is called. Makes the data
    folder, and in it the tenant "default", where there is nothing yet.
    """
    from appliance.machine import check_machine_id
    from appliance.store.claim import claimed
    from appliance.store.space import Space

    if machine_id:
        check_machine_id(machine_id)
    if watch is not None:
        if paths or report is not None:
            raise UsageError("--watch DIR stands alone: name neither paths nor --report.")
        from appliance.cli import dropped

        dropped.watch(watch, Space(data, min_free), choose(data, tenant), machine_id, keep_first)
        return
    if not paths:
        raise UsageError("name files or folders to import, - for standard input, or --watch DIR.")
    if report is not None:
        from appliance.cli.report import check_output

        check_output(report)
    tally = Tally()
    with claimed(data, "perfanalysis import"):
        chosen = choose(data, tenant)
        try:
            import_all(Space(data, min_free), chosen, paths, machine_id, keep_first, verbose, tally)
        finally:
            tally.show(verbose)
    if report is not None and tally.stored:
        from appliance.cli.report import write_site

        click.echo(f"The report is at {write_site(data, chosen, report)}")
    if tally.refused:
        context.exit(BadData.exit_code if BadData.exit_code in tally.refused else tally.refused[0])
    if not tally.stored:
        raise NoInput(
            f"there is nothing to import in {', '.join(map(str, paths))}: name recordings, CSV files or sar-style "
            "trees."
        )


def choose(data: Path, tenant: str | None) -> str:
    """Return the tenant that is meant; make the data folder and the tenant "default" where there is nothing yet."""
    from appliance.store.registry import DEFAULT_TENANT, Registry

    registry = Registry(data)
    if tenant in (None, DEFAULT_TENANT) and not registry.tenants():
        registry.create_tenant(DEFAULT_TENANT)
    chosen = registry.choose(tenant)
    registry.close()
    return chosen


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

    def show(self, verbose: bool) -> None:
        if self.stored + self.left_out + len(self.refused) > 1:
            hint = " (--verbose lists them)" if self.left_out and not verbose else ""
            click.echo(
                f"{counted(self.stored, 'file')} imported: {counted(self.new, 'new row')} of "
                f"{counted(len(self.machines), 'machine')}, {self.rows - self.new:,} known already; "
                f"{self.left_out:,} left out{hint}, {len(self.refused):,} refused."
            )


def found(path: Path) -> Iterator[Path]:
    """Give a file, or what there is in a folder that may be for import, in order of names: files, and trees whole."""
    from appliance.formats import sar_files

    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        yield path
        return
    entries = sorted(path.iterdir())
    parts = sar_files.parts(path) if sar_files.is_tree(path) else []
    if parts and path / WRITTEN_BESIDE not in entries:
        yield path
    for entry in entries:
        if entry.name.startswith(".") or entry in parts:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from found(entry)
        elif entry.name.endswith(SUFFIXES) and entry.is_file():
            yield entry


def import_all(
    space: "Space", tenant: str, paths: Sequence[Path], machine_id: str, keep_first: bool, verbose: bool, tally: Tally
) -> None:
    from appliance.store.tenant import TenantStore

    files = [(file, file != path) for path in paths for file in found(path)]
    lines = verbose or len(files) == 1
    with TenantStore(space.folder, tenant, space=space) as store, FileProgress(len(files)) as progress:
        for file, in_folder in files:
            take(store, file, machine_id, keep_first, tally, progress, in_folder=in_folder, lines=lines)
            progress.step()


def take(
    store: "TenantStore", file: Path, machine_id: str, keep_first: bool, tally: Tally, progress: FileProgress, *,
    in_folder: bool, lines: bool,
) -> None:  # fmt: skip
    """Store one file, and say what became of it: always if it was refused or there is something to warn of."""
    from appliance.formats.csv_header import OtherFile

    try:
        if str(file) == STANDARD_INPUT:
            with standard_input() as spooled:
                stored = keep(store, spooled, machine_id, keep_first, "standard input")
        else:
            stored = keep(store, file, machine_id, keep_first)
    except FAULTS_OF_A_FILE as error:
        if in_folder and isinstance(error, OtherFile):
            tally.left_out += 1
            if lines:
                progress.say(f"Left out: {error.message}")
        else:
            tally.refused.append(error.exit_code)
            progress.say(f"Not imported: {error.message}")
        return
    for warning in stored.warnings:
        progress.say(f"Warning: {warning}")
    if lines:
        progress.say(f"{stored.name}: {stored.sentence}", err=False)
    tally.stored += 1
    tally.rows += stored.receipt.rows
    tally.new += stored.new
    tally.machines.update(stored.machines)


@contextmanager
def standard_input() -> Iterator[Path]:
    """Keep what comes in on a file that has no name, so that nothing is left of it whatever happens."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file that was stored."""

    name: str
    receipt: "Receipt"
    machines: Sequence[str]
    warnings: Sequence[str]

    @property
    def new(self) -> int:
        return 0 if self.receipt.duplicate else self.receipt.inserted

    @property
    def sentence(self) -> str:
        receipt, more = self.receipt, len(self.machines) - MAX_NAMED
        known = receipt.rows - self.new - receipt.conflicts
        others = f" and {more} more" if more > 0 else ""
        conflicts = f", {receipt.conflicts:,} differ from stored ones and were not stored" if receipt.conflicts else ""
        return (
            f"{counted(receipt.rows, 'row')} of {', '.join(self.machines[:MAX_NAMED])}{others}: "
            f"{self.new:,} new, {known:,} known already{conflicts}."
        )


def keep(store: "TenantStore", file: Path, machine_id: str, keep_first: bool, name: str = "") -> Stored:
    """Store a file or tree as one batch; `name` is what sentences call it instead of its path."""
    from appliance.formats import reading
    from appliance.store import batches, merging
    from appliance.store.prepared import Prepared

    before = state(file)
    prepared = Prepared()
    try:
        parsed = reading.read_file(file, machine_id, name, prepared)
        kind = reading.kind_of(file)
        machines = parsed.machines
        # What does not name its machine is another batch in another folder.
        digest = batches.start_digest(kind, machine_id if kind == reading.CSV else machines[0])
        for piece in reading.content(file, parsed):
            digest.update(piece)
    except FAULTS_OF_A_FILE as error:
        raise named(error, name) from error
    except OSError as error:
        # A stick that is pulled out, or has a bad block in the middle of a file.
        raise NoInput(f"{name or file} cannot be read: {error.strerror}.") from error
    if state(file) != before:
        raise Changed(f"{name or file} changed while it was read: import it again.")
    batch = batches.Batch(digest.digest(), kind, prepared, parsed.facts, keep_first=keep_first)
    try:
        receipt = batches.add_batch(store, batch)
    except Conflict as error:
        raise Conflict(f"{name or file}: {error.message} With --keep-first what does not differ is stored.") from error
    except BadData as error:
        # A damaged store is no fault of the file.
        raise InputOutput(error.message) from error
    merging.merge_due(store)
    return Stored(
        name or str(file), receipt, machines, [said if name in said else f"{name}: {said}" for said in parsed.warnings]
    )


class Changed(BadData):
    """A file that somebody writes."""


def named(error: PerfanalysisError, name: str) -> PerfanalysisError:
    """Put the name of what has no path before a sentence that does not say it."""
    if not name or name in error.message:
        return error
    return type(error)(f"{name}: {error.message}", error_code=error.error_code, details=error.details)


def state(file: Path) -> list[tuple[int, int]] | None:
    """Return what changes when a file or tree does; None if it cannot be told, which reading it will say better."""
    from appliance.formats import sar_files

    try:
        statuses = [part.stat() for part in (sar_files.parts(file) if file.is_dir() else [file])]
    except OSError:
        return None
    return [(status.st_size, status.st_mtime_ns) for status in statuses]

"""`perfanalysis report`."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from appliance import moment
from appliance.cli import report_settings
from appliance.cli.import_ import found
from appliance.cli.options import data_option, tenant_option
from appliance.cli.tables import counted, visible
from appliance.errors import BadData, CannotCreate, NoInput, NoPermission, PerfanalysisError, UsageError

if TYPE_CHECKING:
    from appliance.analysis.run import Run
    from appliance.samples import Parsed, Samples
    from static_site.settings import Settings


@click.command("report", epilog="Example: perfanalysis report --data-file recordings/ --output site")
@click.option(
    "--data-file", "data_files", multiple=True, type=click.Path(path_type=Path),
    envvar=["PERFCOLLECTOR_OUTPUT", "PERF_DATA_FILE"], metavar="PATH",
    help="A recording, a CSV file, or a folder of them, instead of stored data. May be given several times.",
)  # fmt: skip
@tenant_option
@data_option
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Where to write the site. [default for a tenant: where the receiver shows it to those with a key]",
)  # fmt: skip
@click.option(
    "--start-date", default="", metavar="TIME", help="2026-01-31 (in UTC), ISO 8601 with a zone, or epoch seconds."
)
@click.option("--end-date", default="", metavar="TIME", help="The same; a date includes its whole day.")
@click.option(
    "--config", "config", type=click.Path(path_type=Path), metavar="FILE",
    help="Settings in YAML: the options below, and names and primary devices of machines (see README).",
)  # fmt: skip
@click.option("--theme", type=click.Choice(["system", "light", "dark"]), help="Colours. [default: system]")
@click.option("--charts/--no-charts", default=None, help="Draw charts, or write their tables only. [default: --charts]")
@click.option(
    "--primary-disk", metavar="NAME", help="auto (up to four by traffic), busiest, or a disk. [default: auto]"
)
@click.option("--primary-interface", metavar="NAME", help="The same of network interfaces. [default: auto]")
@click.option("--format", "_format", type=click.Choice(["html"]), default="html", help="What to write.")
@click.pass_context
def command(
    context: click.Context, /, data_files: Sequence[Path], tenant: str | None, data: Path, output: Path | None,
    start_date: str, end_date: str, config: Path | None, _format: str, **options: Any,
) -> None:  # fmt: skip
    """
    Write a site: a page over all machines and one for each. It opens in any browser, without a network.

    Prints the path of the first page. An older site of ours in DIR is replaced. Without DIR, the site of a tenant is
    written beside its data, and the receiver shows it at /reports/ to people who sign in.
    """
    settings = report_settings.read(config, {name: value for name, value in options.items() if value is not None})
    start_ms = moment.parse(start_date) if start_date else None
    end_ms = moment.parse(end_date, end=True) if end_date else None
    of_files = bool(data_files) and from_files(context)
    output = output or published(data, tenant, of_files)
    check_output(output)
    if of_files:
        runs, earlier, problems = read_files(data_files, start_ms, end_ms)
    else:
        runs, earlier = read_tenant(data, tenant, start_ms, end_ms)
        problems = []
    click.echo(build(runs, output, problems, earlier, settings))
    if problems:
        raise BadData(f"{counted(len(problems), 'file')} could not be read: the site says which and why.")


def write_site(data: Path, tenant: str | None, output: Path) -> Path:
    """Write the site of a tenant's machines and return the path of its first page."""
    runs, _ = read_tenant(data, tenant)
    return build(runs, output, [])


def build(
    runs: Sequence["Run"], output: Path, problems: Sequence[str], earlier: Sequence["Run"] = (),
    settings: "Settings | None" = None,
) -> Path:  # fmt: skip
    """Build the site of runs; `earlier` has what there is from before them, to compare with."""
    # A service may have no home for its cache of fonts: it works without, and a person can do nothing about it.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from static_site import site
    from static_site.settings import DEFAULTS

    return site.build(
        runs, output, problems=problems, earlier=earlier, settings=settings or DEFAULTS,
        tell=tell,
    )  # fmt: skip


def tell(drawn: int, every: int) -> None:
    same = f", {every - drawn} of them unchanged" if drawn < every else ""
    say(f"Writing the pages of {counted(every, 'machine')}{same} ...")


def published(data: Path, tenant: str | None, of_files: bool) -> Path:
    """Return where a tenant's site goes when nothing else is said: beside its data, where the receiver shows it."""
    from appliance.store.registry import Registry
    from appliance.store.tenant import site_of

    if of_files:
        raise UsageError("name a folder for the site with --output DIR: a report of files has no place of its own.")
    return site_of(data, Registry(data, read_only=True).choose(tenant))


def check_output(output: Path) -> None:
    """Say before the work what would stop it at its end: a folder that is not ours, or that cannot be made."""
    from static_site import publish

    publish.check(output.resolve(), output)
    above = next(folder for folder in output.resolve().parents if folder.exists())
    if not above.is_dir():
        raise CannotCreate(f"{output} cannot be made: {above} is a file.")
    if not os.access(above, os.W_OK):
        raise NoPermission(f"{output} cannot be made: check the rights of {above}, or name another folder.")


def from_files(context: click.Context) -> bool:
    """Say whether files are meant: an option beats the environment."""
    stored = any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ("tenant", "data"))
    files = context.get_parameter_source("data_files") is ParameterSource.COMMANDLINE
    if files and stored:
        raise UsageError("name either --data-file or --tenant and --data: a report is of files or of stored data.")
    return files or not stored


def read_tenant(
    data: Path, tenant: str | None, start_ms: int | None = None, end_ms: int | None = None
) -> "tuple[list[Run], list[Run]]":
    """
    Return the runs of a tenant's machines, and those of as long before them, to compare with.

    Machines without samples in the period are among them; raises NoInput if all are.
    """
    from appliance.analysis.run import Run
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    start, end = history.ALWAYS[0] if start_ms is None else start_ms, history.ALWAYS[1] if end_ms is None else end_ms
    with TenantStore(data, Registry(data, read_only=True).choose(tenant), read_only=True) as store:
        runs, earlier = [], []
        for found in history.machines(store):
            facts = history.facts(store, found.machine_id)
            run = Run(found.machine_id, history.read(store, found.machine_id, start, end), facts, found.name)
            runs.append(run)
            if start_ms is not None and len(run.at_ms):
                before = history.read(store, run.machine_id, 2 * run.start_ms - run.end_ms, start_ms - 1)
                earlier.append(Run(run.machine_id, before, facts, found.name))
    if not any(len(run.at_ms) for run in runs):
        raise NoInput("there are no samples to report in this span of time: `machine list` shows what there is.")
    return runs, earlier


def read_files(
    paths: Sequence[Path], start_ms: int | None, end_ms: int | None
) -> "tuple[list[Run], list[Run], list[str]]":
    """Return the runs that files hold, those from before them, and a sentence for each file that cannot be read."""
    from appliance.analysis.run import Run

    samples: dict[str, list[Samples]] = {}
    before: dict[str, list[Samples]] = {}
    facts: dict[str, dict[str, object]] = {}
    problems: list[PerfanalysisError] = []
    for path in paths:
        for file in found(path):
            parsed = read(file, problems, in_folder=file != path)
            for part in parsed.samples if parsed else []:
                samples.setdefault(part.machine, []).extend(within(part, start_ms, end_ms))
                if start_ms is not None:
                    before.setdefault(part.machine, []).extend(within(part, None, start_ms - 1))
                facts.setdefault(part.machine, {}).update(parsed.facts if parsed else {})
    runs = [Run(machine, samples[machine], facts[machine]) for machine in sorted(samples)]
    if not any(len(run.at_ms) for run in runs):
        if problems:
            for problem in problems[1:]:
                say(f"Not read: {problem.message}")
            raise problems[0]
        where = ", ".join(str(path) for path in paths[:3])
        raise NoInput(f"{where}: there are no samples to report there in this span of time.")
    for problem in problems:
        say(f"Not read: {problem.message}")
    earlier = [Run(machine, before[machine], facts[machine]) for machine in sorted(before) if before[machine]]
    return runs, earlier, [problem.message for problem in problems]


def read(file: Path, problems: list[PerfanalysisError], *, in_folder: bool) -> "Parsed | None":
    """Read one file; one that cannot be read is a problem, unless it lay in a folder and is well known as another's."""
    from appliance.formats import reading
    from appliance.formats.csv_header import OtherFile

    say(f"Reading {file} ...")
    try:
        parsed = reading.read_file(file)
    except PerfanalysisError as error:
        if in_folder and isinstance(error, OtherFile):
            say(f"Left out: {error.message}")
        else:
            problems.append(error)
        return None
    for warning in parsed.warnings:
        say(f"Warning: {warning}")
    return parsed


def within(part: "Samples", start_ms: int | None, end_ms: int | None) -> "list[Samples]":
    """Return the samples of a span of time: the part, what is left of it, or nothing."""
    inside = (part.at_ms >= (part.at_ms[0] if start_ms is None else start_ms)) & (
        part.at_ms <= (part.at_ms[-1] if end_ms is None else end_ms)
    )
    return [part] if inside.all() else [part.take(inside)] if inside.any() else []


def say(sentence: str) -> None:
    click.echo(visible(sentence), err=True)

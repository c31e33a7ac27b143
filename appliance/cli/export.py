"""`perfanalysis export`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
from click.core import ParameterSource

from appliance import moment
from appliance.cli.options import data_option, tenant_option
from appliance.cli.tables import counted, visible
from appliance.errors import MissingParameters, NoInput

if TYPE_CHECKING:
    from appliance.analysis.run import Run

STDOUT = Path("-")


@click.command(
    "export", epilog="Example: perfanalysis export --machine-id web-1 --start-date 2026-01-01 --output web-1.csv"
)
@click.option("--machine-id", default="", metavar="ID", help="The machine; default: all machines of the tenant.")
@click.option(
    "--start-date", default="", metavar="TIME", help="2026-01-31 (in UTC), ISO 8601 with a zone, or epoch seconds."
)
@click.option("--end-date", default="", metavar="TIME", help="The same; a date includes its whole day.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="-",
    metavar="FILE",
    help="Where to write; default: standard output.",
)
@tenant_option
@data_option
@click.option(
    "--url", "--server", envvar="XATBACKEND_URL", default="", help="A receiver to ask where no data folder is named."
)
@click.pass_context
def command(
    context: click.Context, machine_id: str, start_date: str, end_date: str, output: Path, tenant: str | None,
    data: Path, url: str,
) -> None:  # fmt: skip
    """
    Write a machine's history as the standard CSV.

    It is read from the data folder; or, where none is named and XATBACKEND_URL and XATBACKEND_APIKEY are set, from that
    receiver.
    """
    key = os.environ.get("XATBACKEND_APIKEY", "")
    start_ms = moment.parse(start_date) if start_date else None
    end_ms = moment.parse(end_date, end=True) if end_date else None
    named = context.get_parameter_source("data") is not ParameterSource.DEFAULT
    if url and key and not named:
        from appliance.ship import download

        if not machine_id:
            raise MissingParameters("name the machine with --machine-id: a receiver gives one at a time.")
        with opened(output) as stream:
            stream.writelines(download.export(url, key, machine_id, start_date, end_date))
        return
    from appliance.formats import standard_csv

    runs = read_runs(data, tenant, machine_id, start_ms, end_ms)
    with opened(output) as stream:
        count = standard_csv.write(runs, stream, start_ms)
    if output != STDOUT:
        click.echo(f"{visible(str(output))}: {counted(count, 'row')}.", err=True)


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a file that appears when it is whole, or standard output."""
    if path == STDOUT:
        yield sys.stdout
        # Now, so that a reader who went away is seen here and not when Python ends.
        sys.stdout.flush()
        return
    from appliance.formats import output

    with output.replaced(path) as stream:
        yield stream


def read_runs(data: Path, tenant: str | None, machine_id: str, start_ms: int | None, end_ms: int | None) -> list["Run"]:
    """Return the runs of one machine or of all; raise NotFound or NoInput."""
    from appliance.analysis.run import Run
    from appliance.store import history
    from appliance.store.registry import Registry
    from appliance.store.tenant import TenantStore

    first, last = history.ALWAYS
    start = first if start_ms is None else start_ms - history.LEAD_MS
    end = last if end_ms is None else end_ms
    with TenantStore(data, Registry(data, read_only=True).choose(tenant), read_only=True) as store:
        chosen = [history.chosen(store, machine_id)] if machine_id else history.machines(store)
        runs = [
            Run(found.machine_id, samples, name=found.name)
            for found in chosen
            if (samples := history.read(store, found.machine_id, start, end))
        ]
    if not any(run.end_ms >= (start if start_ms is None else start_ms) for run in runs):
        raise NoInput("there are no samples in this span of time: `machine list` shows what there is.")
    return runs

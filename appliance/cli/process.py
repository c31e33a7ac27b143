"""`perfanalysis process`, also started as `pcprocess`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.tables import counted, time_text, visible
from appliance.errors import MissingParameters

if TYPE_CHECKING:
    from appliance.analysis.run import Run

CSV_NAME, CONTAINERS_NAME = "perf_data.csv", "containers.csv"


@click.command("process", epilog="Example: perfanalysis process web-1.json -o web-1.csv")
@click.argument("recording", required=False, type=click.Path(path_type=Path), envvar="PCR_COLLECTION")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), envvar="PCR_OUTDIR", metavar="DIR_OR_CSV",
    help="A folder for sar-style files and perf_data.csv, or a name that ends in .csv for the standard CSV alone.",
)  # fmt: skip
@click.option("--compat", is_flag=True, help="Write the sar-style files as the original tool did, faults included.")
@click.option("--machine-id", default="", metavar="ID", help="The machine; needed only where nothing names it.")
@click.option(
    "--container-names", type=click.Path(path_type=Path), metavar="FILE",
    help="Names of containers; default: container_names.json beside the recording.",
)  # fmt: skip
def command(
    recording: Path | None, output: Path | None, compat: bool, machine_id: str, container_names: Path | None
) -> None:
    """Turn a recording into CSV files."""
    from appliance.analysis.run import Run
    from appliance.formats import reading
    from appliance.machine import check_machine_id

    if recording is None:
        raise MissingParameters("name a recording, or set PCR_COLLECTION.")
    if output is None:
        raise MissingParameters("name a folder or a CSV file with -o, or set PCR_OUTDIR.")
    if machine_id:
        check_machine_id(machine_id)
    parsed = reading.read_recording(recording, machine_id, names=container_names)
    run = Run(parsed.samples[0].machine, parsed.samples, parsed.facts)
    for warning in parsed.warnings:
        click.echo(f"Warning: {visible(warning)}", err=True)
    click.echo(
        f"{visible(str(recording))}: {counted(parsed.count, 'sample')} of {run.machine_id} "
        f"from {time_text(run.start_ms)} to {time_text(run.end_ms)}.",
        err=True,
    )
    if output.name.endswith(".csv") and not output.is_dir():
        write_standard(run, output)
    else:
        write_tree(run, output, compat)


def write_standard(run: "Run", path: Path) -> None:
    from appliance.formats import output, standard_csv

    with output.replaced(path) as stream:
        count = standard_csv.write([run], stream)
    told(path, count)
    if not count:
        click.echo("Warning: a row needs two samples of CPU time and one of memory: there are none.", err=True)


def write_tree(run: "Run", folder: Path, compat: bool) -> None:
    from appliance.formats import containers, output, sar_tree
    from appliance.metrics import Group

    for path, lines in sar_tree.files(run, compat=compat):
        with output.replaced(folder / path) as stream:
            stream.writelines(lines)
    if Group.CPU in run.tables:
        write_standard(run, folder / CSV_NAME)
    if Group.CONTAINER in run.tables:
        with output.replaced(folder / CONTAINERS_NAME) as stream:
            count = containers.write(run, stream)
        told(folder / CONTAINERS_NAME, count)


def told(path: Path, count: int) -> None:
    click.echo(f"{visible(str(path))}: {counted(count, 'row')}.", err=True)

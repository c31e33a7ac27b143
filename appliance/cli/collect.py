"""`perfanalysis collect` (= pcc): record this machine into a file, or send it to a receiver."""

import os
from pathlib import Path
from typing import Any

import click

from appliance.cli.options import Duration, Flush, Grouped, Size, state_option
from appliance.collect.optional import OPTIONAL

SHORTEST_SECONDS = 0.01
CREDENTIAL = "apikey"
"""Its name among the credentials that systemd gives a service."""
SMALLEST_BYTES = 1_000_000
"""Of a smaller file, much would be what every file begins with."""

HEADINGS = {
    "What": ["interval", "duration", "once", "optional", "process_args", "machine_id", "machine_name"],
    "Into a file": ["collection", "max_size", "max_age", "keep", "flush", "upload"],
    "To a receiver": ["mode", "server", "key_file", "ca_file", "batch", "batch_wait", "spool", "spool_size",
                      "keep_sent", "strict"],
    "How it goes": ["progress", "log_level", "metrics_file", "state"],
}  # fmt: skip
# The original's levels, with the words that other programs use for them.
LEVELS = {"TRACE": 10, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def whole_seconds(ctx: click.Context, param: click.Parameter, seconds: float) -> float:
    if seconds < SHORTEST_SECONDS:
        raise click.BadParameter("the shortest interval is 10ms.", ctx, param)
    if seconds > 1 and seconds % 1:
        raise click.BadParameter("above one second it is whole seconds, as the timestamps are.", ctx, param)
    return seconds


def large_enough(ctx: click.Context, param: click.Parameter, size: int) -> int:
    if 0 < size < SMALLEST_BYTES:
        raise click.BadParameter("the smallest size is 1MB.", ctx, param)
    return size


def level(ctx: click.Context, param: click.Parameter, name: str) -> int:
    if name.upper() not in LEVELS:
        raise click.BadParameter(f"{name[:40]!r} is none of {', '.join(LEVELS).lower()}.", ctx, param)
    return LEVELS[name.upper()]


@click.command(
    "collect", cls=Grouped, headings=HEADINGS, epilog="Example: perfanalysis collect --duration 24h -o web-1.json.gz"
)
@click.option("--mode", type=click.Choice(["local", "trickle"], case_sensitive=False), envvar="PCC_MODE",
              help="Write a file, or send. [default: local, unless server and key are given]")  # fmt: skip
@click.option("--duration", type=Duration(), envvar="PCC_DURATION", default="0", metavar="TIME", show_default=True,
              help="How long; both ends are sampled. 0 = until stopped.")  # fmt: skip
@click.option("--interval", "--frequency", type=Duration(), envvar="PCC_FREQUENCY", default="5s", metavar="TIME",
              show_default=True, callback=whole_seconds, help="Time from one sample to the next.")  # fmt: skip
@click.option("--collection", "-o", type=click.Path(path_type=Path), envvar="PCC_COLLECTION", metavar="FILE",
              help="The file, which is continued; *.gz is zipped. [default: pcc-HOSTNAME.json]")  # fmt: skip
@click.option("--max-size", type=Size(), default="0", metavar="SIZE", callback=large_enough,
              help="Put the file aside as NAME.1.json before it is larger (100MB, 2GB); begin a new one.")  # fmt: skip
@click.option("--max-age", type=Duration(), default="0", metavar="TIME",
              help="Put the file aside when it has so much time in it.")  # fmt: skip
@click.option("--keep", type=click.IntRange(0, 10_000), default=7, metavar="FILES",
              help="Keep so many that were put aside: NAME.1.json is the newest. [default: 7]")  # fmt: skip
@click.option(
    "--flush",
    type=Flush(),
    default="never",
    show_default=True,
    metavar="never|sample|TIME",
    help="Force what is written to the disk: never (a power cut loses about 30 s), after each sample, or "
    "every TIME. A recorder that is killed loses nothing; of a *.gz file the last 5 s, or TIME.",
)
@click.option("--server", "--url", envvar=["PCC_SERVER_URL", "PCC_SERVER"], metavar="URL", help="The receiver.")
@click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE",
              help="Has the key, mode 0600. Or set PCC_APIKEY.")  # fmt: skip
@click.option("--ca-file", type=click.Path(path_type=Path), envvar="PERFANALYSIS_CA_FILE", metavar="FILE",
              help="The authority of its certificate, if the system does not know it.")  # fmt: skip
@click.option("--machine-id", envvar="PCC_IDENTIFIER", metavar="ID", help="[default: the system's own]")
@click.option("--machine-name", envvar="PCC_MACHINE_NAME", default="", metavar="NAME", help="What people call it.")
@click.option("--batch", type=click.IntRange(1, 1000), default=60, metavar="SAMPLES",
              help="Send so many at once. [default: 60]")  # fmt: skip
@click.option("--batch-wait", type=Duration(), default="10s", metavar="TIME",
              help="Send fewer after so long. [default: 10s]")  # fmt: skip
@click.option("--spool", type=click.Path(path_type=Path), envvar="PERFANALYSIS_SPOOL", metavar="DIR",
              help="Where samples wait until they are stored. [default: below --state]")  # fmt: skip
@click.option("--spool-size", type=click.IntRange(1, 1 << 20), default=512, metavar="MB",
              envvar="PERFANALYSIS_SPOOL_SIZE", help="Beyond it the oldest go. [default: 512]")  # fmt: skip
@click.option("--keep-sent", type=Duration(), default="24h", metavar="TIME", envvar="PERFANALYSIS_KEEP_SENT",
              help="Keep what was sent, at most 64 MB, for a receiver that is restored from a backup; 0 = "
              "not at all. [default: 24h]")  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail where samples can wait in memory only, and not on the disk.")
@click.option("--upload", is_flag=True, envvar="UPLOAD_AUTO", help="Upload the file in the end, as `upload` does.")
@state_option
@click.option("--metrics-file", type=click.Path(path_type=Path), envvar="PERFANALYSIS_METRICS_FILE", metavar="FILE",
              help="Its own metrics, for Prometheus (*.prom).")  # fmt: skip
@click.option("--once", is_flag=True, help="Write one sample to standard output.")
@click.option("--progress", is_flag=True, help="A bar, or a line every 10 s.")
@click.option("--log-level", envvar="PCC_LOGLEVEL", default="warning", show_default=True, callback=level,
              metavar="LEVEL", help="Say also what is less urgent: error, warning, info, debug.")  # fmt: skip
@click.option("--source", "optional", multiple=True, type=click.Choice(list(OPTIONAL)), metavar="NAME",
              help=f"Record this too; may be repeated: {', '.join(OPTIONAL)}.")  # fmt: skip
@click.option("--process-args", is_flag=True,
              help="Record what programs were started with; what looks like a secret is replaced.")  # fmt: skip
@click.option("--procfs", type=click.Path(exists=True, file_okay=False), default="/proc", show_default=True,
              metavar="DIR", help="Where /proc is.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """
    Record this machine into a file, or send it to a receiver.

    A sample that is to be sent is on the disk when it is taken (within a second, for intervals below 1s) and waits
    there until the receiver has stored it, if need be for the next collect.
    """
    from appliance import collector

    if options["upload"]:
        from appliance.cli.upload import prepare

        # What is wrong with its settings is said before anything is recorded.
        prepare(options["collection"] or Path(os.curdir), "any")
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / CREDENTIAL if folder else None
    plain: dict[str, Any] = {name: str(given) if isinstance(given, Path) else given for name, given in options.items()}
    return collector.start(
        collector.Settings(
            program=ctx.find_root().info_name or "perfanalysis",
            # No program of ours needs it in its environment.
            key=os.environ.pop("PCC_APIKEY", "").strip(),
            credential=str(credential) if credential and credential.is_file() else None,
            **plain,
        )
    )

"""`perfanalysis collect` (= pcc): record this machine into a file, or send it to a receiver."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from appliance import duration as durations
from appliance.cli import trickle
from appliance.cli.options import Duration, Flush, Grouped, Size, state_option
from appliance.cli.tables import visible
from appliance.errors import CannotCreate, InputOutput, InUse

if TYPE_CHECKING:
    from appliance.collect.loop import Counts, Plan, Sink
    from appliance.collect.recorder import Recorder
    from appliance.ship.sender import Sender
    from appliance.ship.status import StatusFile

logger = logging.getLogger(__name__)
SHORTEST_SECONDS = 0.01
STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
FLUSH_SECONDS = 30
"""How long what waits may take to be sent when the recording ends."""
TOLD_SECONDS = 10
SMALLEST_BYTES = 1_000_000
"""Of a smaller file, much would be what every file begins with."""
OPTIONAL_SOURCES = ["interrupts", "compaction", "buddyinfo", "tcp-states", "network-filesystems"]
"""As `collectors` has them, which is not loaded for `--help`: a test compares the two."""


HEADINGS = {
    "What": ["interval", "duration", "once", "optional", "process_args", "machine_id", "machine_name"],
    "Into a file": ["collection", "max_size", "max_age", "keep", "flush", "upload"],
    "To a receiver": ["mode", "server", "key_file", "ca_file", "batch", "batch_wait", "spool", "spool_size"],
    "How it goes": ["progress", "log_level", "metrics_file", "state"],
}


class Reporting(NamedTuple):
    """Who wants to know how it goes, while it goes."""

    state: Path
    metrics_file: Path | None
    progress: bool


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
@click.option("--server", envvar=["PCC_SERVER_URL", "PCC_SERVER"], metavar="URL", help="The receiver.")
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
@click.option("--upload", is_flag=True, envvar="UPLOAD_AUTO", help="Upload the file in the end, as `upload` does.")
@state_option
@click.option("--metrics-file", type=click.Path(path_type=Path), envvar="PERFANALYSIS_METRICS_FILE", metavar="FILE",
              help="Its own metrics, for Prometheus (*.prom).")  # fmt: skip
@click.option("--once", is_flag=True, help="Write one sample to standard output.")
@click.option("--progress", is_flag=True, help="A bar, or a line every 10 s.")
@click.option("--log-level", envvar="PCC_LOGLEVEL", default="warning", show_default=True, callback=level,
              metavar="LEVEL", help="Say also what is less urgent: error, warning, info, debug.")  # fmt: skip
@click.option("--source", "optional", multiple=True, type=click.Choice(OPTIONAL_SOURCES),
              help="Record this too, which costs more; may be repeated.")  # fmt: skip
@click.option("--process-args", is_flag=True,
              help="Record what programs were started with; what looks like a secret is replaced.")  # fmt: skip
@click.option("--procfs", default="/proc", show_default=True, metavar="DIR", help="Where /proc is.")
def command(
    mode: str | None, duration: float, interval: float, collection: Path | None, server: str | None,
    key_file: Path | None, ca_file: Path | None, machine_id: str | None, machine_name: str, batch: int,
    batch_wait: float, spool: Path | None, spool_size: int, upload: bool, state: Path, metrics_file: Path | None,
    once: bool, progress: bool, log_level: int, optional: tuple[str, ...], process_args: bool,
    procfs: str, max_size: int, max_age: float, keep: int, flush: float | None,
) -> None:  # fmt: skip
    """
    Record this machine into a file, or send it to a receiver.

    A sample that is to be sent is on the disk when it is taken (within a second, for intervals below 1s) and waits
    there until the receiver has stored it, if need be for the next collect.
    """
    from appliance.collect import loop, meta
    from appliance.machine import check_machine_id

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=log_level)
    key = trickle.key_source(key_file)
    machine = check_machine_id(machine_id) if machine_id else meta.machine_id()
    plan = loop.Plan(interval, duration, machine, machine_name, procfs.rstrip("/"), optional, process_args)
    reporting = Reporting(state, metrics_file, progress)
    if once:
        write_once(loop.take_one(plan), collection)
    elif (mode or ("trickle" if server and key else "local")) == "local":
        from appliance.collect.recorder import Recorder
        from appliance.collect.rotation import Rotation

        if key is not None:
            # Not needed, but what is wrong with it is better known.
            key()
        path = collection or Path(f"pcc-{os.uname().nodename}.json")
        uploading = prepare_upload(path, machine) if upload else None
        record_locally(plan, Recorder(path, Rotation(max_size, max_age, keep), flush), reporting)
        if uploading is not None:
            uploading(state)
    else:
        server, key = trickle.check_target(server, key)
        send(plan, trickle.Road(server, key, ca_file, batch, batch_wait, spool, spool_size, state), reporting)


def write_once(sample: bytes, collection: Path | None) -> None:
    if collection is None:
        click.echo(sample, nl=False)
        return
    from appliance.collect.recorder import Recorder

    recorder = Recorder(collection)
    recorder.write(0, sample)
    recorder.close()


def record_locally(plan: "Plan", recorder: "Recorder", reporting: Reporting) -> None:
    from appliance.collect import loop

    try:
        with watched(plan, reporting, {"mode": "local", "target": str(recorder.path.absolute())}) as (sinks, counts):
            loop.record(plan, [recorder.write, *sinks], until_stopped(), counts=counts)
    finally:
        recorder.close()
    click.echo(f"{summary(counts)} in {recorder.path}.", err=True)
    if counts.lost:
        raise InputOutput(f"{counts.lost} samples were lost: {recorder.path} could not be written for a time.")


def prepare_upload(path: Path, machine: str) -> Callable[[Path], None]:
    """Return what uploads a recording when it ended; what is wrong with the settings is said before it begins."""
    from appliance.cli import upload

    prepared = upload.prepare(path, machine)

    def send(state: Path) -> None:
        # They were blocked for the sake of the recording, and what could not be uploaded is not forgotten.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        upload.send_or_keep(prepared, state)

    return send


def send(plan: "Plan", road: "trickle.Road", reporting: Reporting) -> None:
    from appliance.collect import loop
    from appliance.ship.intake import Intake

    sender, spool = trickle.make_sender(road, plan.machine_id, plan.interval_seconds)
    described = {"mode": "trickle", "target": road.server, "spool": None if spool is None else str(spool.folder)}
    wait = until_stopped()
    sender.start()
    with watched(plan, reporting, described, sender) as (sinks, counts):
        intake = Intake([sender.put, *sinks])
        intake.start()
        loop.record(plan, [intake.put], wait, extra=sender.state, counts=counts)
        intake.finish(FLUSH_SECONDS)
        sender.finish(FLUSH_SECONDS)
        while sender.is_alive() and not wait(0.1):
            pass
    waiting, dropped = sender.unsent, intake.dropped + len(intake.samples)
    if spool is not None:
        with sender.changed:
            spool.close()
    click.echo(trickle.conclude(sender, spool, waiting, dropped, summary(counts)), err=True)


@contextmanager
def watched(
    plan: "Plan", reporting: Reporting, described: dict[str, Any], sender: "Sender | None" = None
) -> "Iterator[tuple[list[Sink], Counts]]":
    """Give the sinks that report on a recording as the options want, and the counts that they look at."""
    from appliance.collect.loop import Counts
    from appliance.ship.status import Watch

    counts = Counts()

    def look() -> dict[str, Any]:
        road = {**sender.state(), "trouble": sender.trouble} if sender else {}
        return {"late": counts.late, "unread": counts.unread, **road}

    described = {**described, "machine_id": plan.machine_id, "interval_seconds": plan.interval_seconds}
    file = status_file(reporting.state, trickle.name_of(described["target"], plan.machine_id))
    watch = Watch(described, look, writers(file, reporting.metrics_file, sender))
    with ExitStack() as stack:
        sinks: list[Sink] = [watch]
        if reporting.progress:
            sinks.append(stack.enter_context(Progress(plan.duration_seconds)).sample)
        try:
            yield sinks, counts
        finally:
            watch.write("ended")
            if file is not None:
                file.close(keep=bool(sender and sender.unsent))


def writers(
    file: "StatusFile | None", metrics_file: Path | None, sender: "Sender | None"
) -> list[Callable[[Mapping[str, Any]], None]]:
    """Return what writes a status to where it is wanted."""
    wanted: list[Callable[[Mapping[str, Any]], None]] = [file.write] if file else []
    if metrics_file is not None:
        from appliance.ship import exposition

        path = metrics_file
        if not path.parent.is_dir():
            raise CannotCreate(f"the metrics file {path} cannot be written: its folder is not there.")
        wanted.append(lambda content: exposition.write(path, content, sender.durations if sender else None))
    return wanted


def status_file(state: Path, name: str) -> "StatusFile | None":
    """Return the file for `perfanalysis status`; a recording does not fail where there is no place for it."""
    from appliance.ship.status import StatusFile

    try:
        return StatusFile(state, name)
    except (OSError, InUse) as error:
        logger.info("perfanalysis status will not know of this: %s", error)
        return None


def until_stopped() -> Callable[[float], bool]:
    """
    Return what waits some seconds and says whether a signal to stop has come.

    The signals are blocked and taken while waiting only: a sample that is begun is always written whole.
    """
    signals = {
        number for number in STOPPING
        # A program that nohup or a shell's background starts ignores some, and goes on doing so.
        if signal.getsignal(number) is not signal.SIG_IGN
    }  # fmt: skip
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    return lambda seconds: signal.sigtimedwait(signals, max(0, seconds)) is not None


class Progress:
    """How much of a recording is done: a bar on a terminal, elsewhere a line now and then."""

    def __init__(self, duration: float) -> None:
        self.duration = duration
        self.started = self.told = time.monotonic()
        self.bar = (
            click.progressbar(length=round(duration), label="Recording", file=sys.stderr)
            if duration and sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> "Progress":
        if self.bar is not None:
            self.bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def make_room(self, lines: int) -> None:
        """Clear the bar's line for what is said; the bar is drawn again below it."""
        if self.bar is not None and lines:
            click.echo("\r\033[K", nl=False, err=True)

    def show(self) -> None:
        now = time.monotonic()
        seconds = min(now - self.started, self.duration or now)
        if self.bar is not None:
            if int(seconds) > self.bar.pos:
                self.bar.update(int(seconds) - self.bar.pos)
        elif now - self.told >= TOLD_SECONDS:
            self.told = now
            of = f" of {durations.text(self.duration)}" if self.duration else ""
            click.echo(visible(f"{durations.text(round(seconds))}{of} recorded."), err=True)

    def sample(self, _: int, __: bytes) -> None:
        """Show it with each sample: as a sink."""
        self.show()


def summary(counts: Any) -> str:
    late = f" ({counts.late} came too late and were skipped)" if counts.late else ""
    return f"{counts.samples - counts.lost} samples{late}"

"""`perfanalysis collect` (= pcc): record this machine into a file, or send it to a receiver."""

import logging
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.options import Duration, Flush, Size
from appliance.errors import BadConfiguration, InputOutput, NoInput, NoPermission, Unavailable, UsageError

if TYPE_CHECKING:
    from appliance.collect.loop import Counts, Plan, Sink
    from appliance.collect.recorder import Recorder

SHORTEST_SECONDS = 0.01
FLUSH_SECONDS = 30
"""How long what waits may take to be sent when the recording ends."""
PROGRESS_SECONDS = 10
SMALLEST_BYTES = 1_000_000
"""Of a smaller file, much would be what every file begins with."""
OPTIONAL_SOURCES = ["interrupts", "compaction", "buddyinfo", "tcp-states", "network-filesystems"]
"""As `collectors` has them, which is not loaded for `--help`: a test compares the two."""
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


@click.command("collect", epilog="Example: perfanalysis collect --duration 24h -o web-1.json.gz")
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
@click.option("--keep", type=click.IntRange(0, 10_000), default=7, show_default=True, metavar="FILES",
              help="Keep so many that were put aside: NAME.1.json is the newest.")  # fmt: skip
@click.option(
    "--flush",
    type=Flush(),
    default="never",
    show_default=True,
    metavar="never|sample|TIME",
    help="Force what is written to the disk: never (a power cut loses about 30 s), after each sample, or "
    "every TIME. A recorder that is killed loses nothing, or of a *.gz file the last 5 s or TIME.",
)
@click.option("--server", envvar=["PCC_SERVER_URL", "PCC_SERVER"], metavar="URL", help="The receiver.")
@click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE",
              help="Has the key; only its owner may read it. Or set PCC_APIKEY.")  # fmt: skip
@click.option("--machine-id", envvar="PCC_IDENTIFIER", metavar="ID", help="[default: the system's own]")
@click.option("--machine-name", envvar="PCC_MACHINE_NAME", default="", metavar="NAME", help="What people call it.")
@click.option("--batch", type=click.IntRange(1, 1000), default=60, show_default=True, metavar="SAMPLES",
              help="Send so many at once.")  # fmt: skip
@click.option("--batch-wait", type=Duration(), default="10s", show_default=True, metavar="TIME",
              help="Send fewer when the oldest has waited so long.")  # fmt: skip
@click.option("--once", is_flag=True, help="Write one sample to standard output (or -o) and end.")
@click.option("--progress", is_flag=True, help="Say every 10 s how far it is.")
@click.option("--log-level", envvar="PCC_LOGLEVEL", default="warning", show_default=True, callback=level,
              metavar="LEVEL", help="Say also what is less urgent: error, warning, info, debug.")  # fmt: skip
@click.option("--source", "optional", multiple=True, type=click.Choice(OPTIONAL_SOURCES),
              help="Record this too, which costs more; may be repeated.")  # fmt: skip
@click.option("--process-args", is_flag=True,
              help="Record what programs were started with.")  # fmt: skip
@click.option("--procfs", default="/proc", show_default=True, metavar="DIR", help="Where /proc is.")
def command(
    mode: str | None, duration: float, interval: float, collection: Path | None, server: str | None,
    key_file: Path | None, machine_id: str | None, machine_name: str, batch: int, batch_wait: float, once: bool,
    progress: bool, log_level: int, optional: tuple[str, ...], process_args: bool, procfs: str,
    max_size: int, max_age: float, keep: int, flush: float | None,
) -> None:  # fmt: skip
    """Record this machine into a file, or send it to a receiver."""
    from appliance.collect import loop, meta
    from appliance.machine import check_machine_id

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=log_level)
    key = read_key(key_file)
    machine = check_machine_id(machine_id) if machine_id else meta.machine_id()
    plan = loop.Plan(interval, duration, machine, machine_name, procfs.rstrip("/"), optional, process_args)
    if once:
        write_once(loop.take_one(plan), collection)
    elif (mode or ("trickle" if server and key else "local")) == "local":
        from appliance.collect.recorder import Recorder
        from appliance.collect.rotation import Rotation

        path = collection or Path(f"pcc-{os.uname().nodename}.json")
        record_locally(plan, Recorder(path, Rotation(max_size, max_age, keep), flush), progress)
    elif not server:
        raise UsageError("mode trickle sends to a receiver: name it with --server URL.")
    elif not key:
        raise UsageError("mode trickle needs a key: name its file with --key-file, or set PCC_APIKEY.")
    else:
        send(plan, server, key, batch, batch_wait, progress)


def read_key(path: Path | None) -> str:
    """Return the key of a file or of the environment, from which it is removed: no program of ours needs it there."""
    key = os.environ.pop("PCC_APIKEY", "").strip()
    if path is not None:
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                key = file.read(4096).decode("utf-8", "replace").strip()
        except OSError as error:
            raise NoInput(f"the key file {path} cannot be read: {error.strerror}.") from error
        if mode & 0o077:
            raise NoPermission(f"the key file {path} may be read by others: chmod 600 {path}")
        if not key:
            raise BadConfiguration(f"the key file {path} is empty: it holds the key and nothing else.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadConfiguration("the key is not one: it is a single word of letters, digits and signs.")
    return key


def write_once(sample: bytes, collection: Path | None) -> None:
    if collection is None:
        click.echo(sample, nl=False)
        return
    from appliance.collect.recorder import Recorder

    recorder = Recorder(collection)
    recorder.write(0, sample)
    recorder.close()


def record_locally(plan: "Plan", recorder: "Recorder", progress: bool) -> None:
    try:
        counts = record(plan, recorder.write, progress)
    finally:
        recorder.close()
    click.echo(f"{summary(counts)} in {recorder.path}.", err=True)
    if counts.lost:
        raise InputOutput(f"{counts.lost} samples were lost: {recorder.path} could not be written for a time.")


def send(plan: "Plan", server: str, key: str, batch: int, batch_wait: float, progress: bool) -> None:
    from appliance.ship.queue import Queue
    from appliance.ship.sender import Pace, Sender

    sender = Sender(server, key, plan.machine_id, Queue(), Pace(batch, batch_wait))
    wait = until_stopped()
    sender.start()
    counts = record(plan, sender.put, progress, wait)
    sender.finish(FLUSH_SECONDS)
    while sender.is_alive() and not wait(0.1):
        pass
    missing = sender.unsent + sender.refused + sender.queue.dropped
    if missing:
        why = f": {sender.trouble}" if sender.trouble else ""
        raise Unavailable(f"{missing} of {counts.samples} samples were not stored by {server}{why}.")
    click.echo(f"{summary(counts)}, all stored by {server}.", err=True)


def record(plan: "Plan", sink: "Sink", progress: bool, wait: Callable[[float], bool] | None = None) -> "Counts":
    from appliance.collect import loop

    return loop.record(plan, [sink, teller()] if progress else [sink], wait or until_stopped())


def until_stopped() -> Callable[[float], bool]:
    """
    Return what waits some seconds and says whether a signal to stop has come.

    The signals are blocked and taken while waiting only: a sample that is begun is always written whole.
    """
    signals = {
        number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        # A program that nohup or a shell's background starts ignores some, and goes on doing so.
        if signal.getsignal(number) is not signal.SIG_IGN
    }  # fmt: skip
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    return lambda seconds: signal.sigtimedwait(signals, max(0, seconds)) is not None


def teller() -> "Sink":
    """Return a sink that says how far it is."""
    samples, size, told = 0, 0, time.monotonic()

    def tell(_: int, lines: bytes) -> None:
        nonlocal samples, size, told
        samples, size = samples + 1, size + len(lines)
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            click.echo(f"{samples} samples, {size / 1e6:.1f} MB", err=True)

    return tell


def summary(counts: Any) -> str:
    late = f" ({counts.late} came too late and were skipped)" if counts.late else ""
    return f"{counts.samples - counts.lost} samples{late}"

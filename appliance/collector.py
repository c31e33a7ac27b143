"""
A collector: what `collect` is once its options are understood, a recorder into a file or a sender.

It has not loaded the command line: see `handover`.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance import handover
from appliance.boundary import guarded, tell
from appliance.collect import loop, meta
from appliance.collect.loop import Counts, Plan, Sink
from appliance.errors import CannotCreate, InputOutput, InUse
from appliance.machine import check_machine_id
from appliance.ship.status import StatusFile, Watch, name_of
from appliance.stopping import Stopping

if TYPE_CHECKING:
    from appliance.cli.upload import Automatic
    from appliance.collect.recorder import Recorder
    from appliance.ship.road import Road
    from appliance.ship.sender import Sender

logger = logging.getLogger(__name__)
FLUSH_SECONDS = 30
"""How long what waits may take to be sent when the recording ends."""
SILENT_SECONDS = 3
"""After so much of that it is said that it is waited for."""


class Settings(NamedTuple):
    """The options of `collect`, by their names, and what the environment says."""

    program: str
    mode: str | None
    duration: float
    interval: float
    collection: str | None
    server: str | None
    key: str
    """Of the environment; a key file goes before it."""
    key_file: str | None
    credential: str | None
    """The file of a key that systemd gives a service."""
    ca_file: str | None
    machine_id: str | None
    machine_name: str
    batch: int
    batch_wait: float
    spool: str | None
    spool_size: int
    keep_sent: float
    strict: bool
    upload: bool
    state: str
    metrics_file: str | None
    once: bool
    progress: bool
    log_level: int
    optional: tuple[str, ...]
    process_args: bool
    procfs: str
    max_size: int
    max_age: float
    keep: int
    flush: float | None


def start(settings: Settings) -> int:
    """Collect; where that may take its time, in a process that is no larger than it must be."""
    if not settings.once:
        handover.give(settings._asdict())
    return collect(settings)


def resume(settings: Mapping[str, Any]) -> int:
    """Collect with settings that were handed over, and return the exit code."""
    return guarded(settings["program"], lambda: collect(Settings(**settings)))


def collect(settings: Settings) -> int:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=settings.log_level)
    key = key_source(settings)
    machine = check_machine_id(settings.machine_id) if settings.machine_id else meta.machine_id()
    plan = Plan(
        settings.interval, settings.duration, machine, settings.machine_name, settings.procfs.rstrip("/"),
        settings.optional, settings.process_args,
    )  # fmt: skip
    if settings.once:
        write_once(loop.take_one(plan), settings.collection)
    elif (settings.mode or ("trickle" if settings.server and key else "local")) == "local":
        if key is not None:
            # Not needed, but what is wrong with it is better known.
            key()
        record_locally(plan, settings)
    else:
        from appliance.ship import road

        server, key = road.check_target(settings.server, key)
        ca_file, spool = (None if path is None else Path(path) for path in (settings.ca_file, settings.spool))
        send(
            plan,
            road.Road(
                server, key, ca_file, settings.batch, settings.batch_wait, spool, settings.spool_size,
                settings.keep_sent, Path(settings.state), settings.strict,
            ),
            settings,
        )  # fmt: skip
    return 0


def key_source(settings: Settings) -> Callable[[], str] | None:
    """Return what reads the key, when it is needed and again when it was not accepted; None if none is named."""
    from appliance.ship import keys

    if settings.key_file is not None:
        return partial(keys.read, Path(settings.key_file))
    if settings.key:
        return partial(keys.checked, settings.key)
    if settings.credential is not None:
        # Its mode is the business of systemd, which may give it to a group.
        return partial(keys.read, Path(settings.credential), private=False)
    return None


def write_once(sample: bytes, collection: str | None) -> None:
    if collection is None:
        sys.stdout.buffer.write(sample)
        sys.stdout.buffer.flush()
        return
    from appliance.collect.recorder import Recorder

    recorder = Recorder(Path(collection))
    recorder.write(0, sample)
    recorder.close()


def record_locally(plan: Plan, settings: Settings) -> None:
    from appliance.collect.recorder import Recorder
    from appliance.collect.rotation import Rotation

    path = Path(settings.collection or f"pcc-{os.uname().nodename}.json")
    limits = Rotation(settings.max_size, settings.max_age, settings.keep)
    if not settings.upload:
        record(plan, Recorder(path, limits, settings.flush), settings)
        return
    from appliance.cli.upload import Automatic

    uploads = Automatic(path, plan.machine_id, Path(settings.state))
    recorder = Recorder(path, limits, settings.flush)
    try:
        record(plan, recorder, settings, partial(note_put_aside, recorder, uploads, limits.keep))
    except InputOutput as error:
        if recorder.writing:
            # Nobody can read a file that hangs.
            raise
        # What was recorded is uploaded all the same.
        tell(f"{settings.program}: {error.message}")
        finish_uploads(recorder, uploads)
        raise
    finish_uploads(recorder, uploads)


def record(plan: Plan, recorder: "Recorder", settings: Settings, *more: Sink) -> None:
    stopping = Stopping()
    try:
        with watched(plan, settings, {"mode": "local", "target": str(recorder.path.absolute())}) as (sinks, counts):
            loop.record(plan, [recorder.write, *more, *sinks], stopping.wait, counts=counts)
    finally:
        recorder.close()
        # What follows, such as an upload, may be interrupted as anything may.
        stopping.end()
    tell(f"{summary(counts)} in {recorder.path}.")
    if counts.lost:
        raise InputOutput(f"{counts.lost} samples were lost: {recorder.path} could not be written for a time.")


def finish_uploads(recorder: "Recorder", uploads: "Automatic") -> None:
    """Upload all files of a recording that ended."""
    if recorder.started:
        uploads.add(recorder.started)
    uploads.send()


def note_put_aside(recorder: "Recorder", uploads: "Automatic", keep: int, *_: object) -> None:
    """Note what was just put aside, and say of what is gone before it could be uploaded."""
    for began in recorder.put_aside[len(uploads.files) :]:
        uploads.add(began)
        if len(uploads.files) > keep:
            logger.warning("A file of %s is gone before it was uploaded: keep more with --keep.", recorder.path)


def send(plan: Plan, way: "Road", settings: Settings) -> None:
    from appliance.ship import road
    from appliance.ship.intake import Intake

    host = {
        "machine_id": meta.machine_id(), "hostname": os.uname().nodename, "boot_id": meta.boot_id("/proc") or "",
    }  # fmt: skip
    sender, spool = road.make_sender(way, plan.machine_id, plan.interval_seconds, host)
    described = {"mode": "trickle", "target": way.server, "spool": None if spool is None else str(spool.folder)}
    wait = Stopping().wait
    sender.start()
    with watched(plan, settings, described, sender) as (sinks, counts):
        intake = Intake([sender.put, *sinks])
        intake.start()
        loop.record(plan, [intake.put], wait, extra=sender.state, counts=counts)
        left = intake.finish(FLUSH_SECONDS)
        sender.finish(FLUSH_SECONDS)
        patient_until = time.monotonic() + SILENT_SECONDS
        while sender.is_alive() and not wait(0.1):
            sender.end_endless()
            if time.monotonic() > patient_until:
                patient_until += FLUSH_SECONDS
                what = (
                    f"{waiting} samples wait"
                    if (waiting := sender.unsent)
                    else "what was sent before is offered again,"
                )
                logger.warning("%s: %s for at most %d s more; to stop again is not to wait.",
                               way.server, what, FLUSH_SECONDS - SILENT_SECONDS)  # fmt: skip
    waiting, dropped = sender.unsent, intake.dropped + left
    if spool is not None:
        with sender.changed:
            spool.close()
    tell(road.conclude(sender, spool, waiting, dropped, summary(counts)))
    if settings.strict and spool is not None and spool.failures:
        raise InputOutput(f"the spool {spool.folder} could not be written for a time: samples waited in memory.")


@contextmanager
def watched(
    plan: Plan, settings: Settings, described: dict[str, Any], sender: "Sender | None" = None
) -> Iterator[tuple[list[Sink], Counts]]:
    """Give the sinks that report on a recording as the options want, and the counts that they look at."""
    counts = Counts()

    def look() -> dict[str, Any]:
        road: dict[str, Any] = {}
        if sender is not None:
            more = {"sent_again": sender.sent_again, "next_try": round(sender.next_try), "trouble": sender.trouble}
            road = {**sender.state(), **more}
        return {"late": counts.late, "unread": counts.unread, **road}

    described = {**described, "machine_id": plan.machine_id, "interval_seconds": plan.interval_seconds}
    file = status_file(Path(settings.state), name_of(described["target"], plan.machine_id))
    watch = Watch(described, look, writers(file, settings.metrics_file, sender))
    with ExitStack() as stack:
        sinks: list[Sink] = [watch]
        if settings.progress:
            from appliance.cli.progress import Progress

            sinks.append(stack.enter_context(Progress(plan.duration_seconds)).sample)
        try:
            yield sinks, counts
        finally:
            watch.write("ended")
            if file is not None:
                file.close(keep=bool(sender and sender.unsent))


def writers(
    file: StatusFile | None, metrics_file: str | None, sender: "Sender | None"
) -> list[Callable[[Mapping[str, Any]], None]]:
    """Return what writes a status to where it is wanted."""
    wanted: list[Callable[[Mapping[str, Any]], None]] = [file.write] if file else []
    if metrics_file is not None:
        from appliance.ship import exposition

        path = Path(metrics_file)
        if not path.parent.is_dir():
            raise CannotCreate(f"the metrics file {path} cannot be written: its folder is not there.")
        wanted.append(lambda content: exposition.write(path, content, sender.durations if sender else None))
    return wanted


def status_file(state: Path, name: str) -> StatusFile | None:
    """Return the file for `perfanalysis status`; a recording does not fail where there is no place for it."""
    try:
        return StatusFile(state, name)
    except (OSError, InUse) as error:
        logger.info("perfanalysis status will not know of this: %s", error)
        return None


def summary(counts: Counts) -> str:
    late = f" ({counts.late} came too late and were skipped)" if counts.late else ""
    taken = counts.samples - counts.lost
    return f"{taken} sample{'' if taken == 1 else 's'}{late}"

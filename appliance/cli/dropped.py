"""
`perfanalysis import --watch`: what is dropped into a folder is imported, and then moved to done/ or failed/.

It is moved after it was stored, never before: a process that is killed in between imports it again, and what is stored
already is stored once. Beside it lies a text that says what became of it.
"""

import errno
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.boundary import tell
from appliance.cli.import_ import FAULTS_OF_A_FILE, Changed, found, keep
from appliance.cli.tables import visible
from appliance.errors import BadData, CannotCreate, InputOutput, InUse, NoInput, PerfanalysisError

if TYPE_CHECKING:
    from appliance.cli.run import Stop
    from appliance.store.space import Space
    from appliance.store.tenant import TenantStore

DONE, FAILED, LOCK = "done", "failed", ".perfanalysis-import"
LOOK_SECONDS = 1
SETTLE_SECONDS = 3
"""How long nothing of a file or folder may have changed: copies over a network come in bursts."""
RETRY_SECONDS = 30

State = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Watch:
    folder: Path
    space: "Space"
    tenant: str
    machine_id: str
    keep_first: bool


@dataclass
class Outcome:
    """What became of one thing that was dropped."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False
    stored: int = 0

    def refuse(self, sentence: str) -> None:
        self.failed = True
        self.lines.append(f"Not imported: {sentence}")


def watch(folder: Path, space: "Space", tenant: str, machine_id: str, keep_first: bool) -> None:
    """Import what is dropped into a folder until a signal to stop comes. Raises InUse if another process does it."""
    from appliance import lock
    from appliance.cli.run import Stop
    from appliance.store.claim import claimed

    if not folder.is_dir():
        raise NoInput(f"{folder} is no folder: make it, or name another with --watch DIR.")
    try:
        held = lock.take(folder / LOCK)
        for name in (DONE, FAILED):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise CannotCreate(f"{folder} cannot be written: {error.strerror}; check its rights.") from error
    if held is None:
        raise InUse(f"{folder} is watched by another process already: stop that one, or watch another folder.")
    # Asking whether a file is being written may end in this signal, which by default ends a process.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    stop = Stop()
    try:
        with claimed(space.folder, "perfanalysis import --watch"):
            tell(f"Watching {folder}: what is dropped there is imported and moved to {DONE}/ or {FAILED}/.")
            look(Watch(folder, space, tenant, machine_id, keep_first), stop)
    finally:
        os.close(held)


def look(watched: Watch, stop: "Stop") -> None:
    seen: dict[Path, tuple[State, float]] = {}
    said = ""
    retry_at = 0.0
    while not stop.asked:
        now = time.monotonic()
        try:
            entries = list(dropped(watched.folder))
            for gone in seen.keys() - set(entries):
                del seen[gone]
            ready = [entry for entry in entries if is_settled(entry, seen, now)]
            if ready and now >= retry_at:
                take_all(watched, ready, stop)
                said = ""
        except (PerfanalysisError, OSError) as error:
            # Of the store or the folder, not of a file: nothing is moved, and it may pass.
            retry_at = now + RETRY_SECONDS
            if (sentence := f"{error} It is tried again every {RETRY_SECONDS} s.") != said:
                said = sentence
                tell(sentence)
        time.sleep(LOOK_SECONDS)


def dropped(folder: Path) -> Iterator[Path]:
    """Give what lies in the folder for import; names of containers stay, for the recordings that come beside them."""
    from appliance.formats.container_names import NAMES_FILE

    for entry in sorted(folder.iterdir()):
        if entry.name not in (DONE, FAILED, NAMES_FILE) and not entry.name.startswith("."):
            yield entry


def is_settled(entry: Path, seen: dict[Path, tuple[State, float]], now: float) -> bool:
    """Say whether a file or folder is whole: old when moved in, or unchanged for a while, and not being written."""
    try:
        parts = [entry, *(sorted(entry.rglob("*")) if entry.is_dir() else [])]
        statuses = [(part, part.lstat()) for part in parts]
    except OSError:
        # It goes away, or changes, just now.
        seen.pop(entry, None)
        return False
    state = tuple((str(part), status.st_size, status.st_mtime_ns) for part, status in statuses)
    if entry not in seen or seen[entry][0] != state:
        seen[entry] = (state, now)
    age = time.time() - max(status.st_mtime for _, status in statuses)
    if age < SETTLE_SECONDS and now - seen[entry][1] < SETTLE_SECONDS:
        return False
    return not any(is_being_written(part) for part in parts if part.is_file())


def is_being_written(path: Path) -> bool:
    """Say whether a process of this machine has a file open for writing: then the kernel gives no lease on it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Another error says that there are no leases here, or not for us: the time alone has to tell.
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def take_all(watched: Watch, entries: list[Path], stop: "Stop") -> None:
    """Import what is ready and put it away; raise InputOutput at the end if something could not be moved."""
    from appliance.store.tenant import TenantStore

    stuck = ""
    with TenantStore(watched.space.folder, watched.tenant, space=watched.space) as store:
        for entry in entries:
            if stop.asked:
                return
            outcome = take(store, watched, entry)
            try:
                if outcome is not None:
                    put_away(watched.folder, entry, outcome)
            except OSError as error:
                stuck = f"{entry} was looked at and cannot be moved: {error.strerror}."
    if stuck:
        raise InputOutput(stuck)


def take(store: "TenantStore", watched: Watch, entry: Path) -> Outcome | None:
    """Import a file, or all in a folder, and say what became of it; None if it changed meanwhile."""
    from appliance.formats.csv_header import OtherFile

    outcome = Outcome()
    for file in found(entry):
        try:
            check_named(watched, file)
            stored = keep(store, file, watched.machine_id, watched.keep_first)
        except Changed:
            return None
        except FAULTS_OF_A_FILE as error:
            if isinstance(error, OtherFile) and file != entry:
                outcome.lines.append(f"Left out: {error.message}")
            else:
                outcome.refuse(error.message)
            continue
        outcome.stored += 1
        outcome.lines += [f"{file}: {stored.sentence}", *(f"Warning: {warning}" for warning in stored.warnings)]
    if not outcome.stored and not outcome.failed:
        outcome.refuse(f"there is nothing to import in {entry}.")
    return outcome


def check_named(watched: Watch, file: Path) -> None:
    """Raise BadData for what lies in the watched folder itself and would be called after that folder."""
    from appliance.formats import reading, recording

    if watched.machine_id or file.parent != watched.folder or not recording.is_speechless(file):
        return
    if reading.kind_of(file) != reading.CSV and "meta" not in reading.read_file(file).facts:
        raise BadData(
            f"{file} does not say which machine it is of: give it the machine's name, or put it into a folder of that "
            "name."
        )


def put_away(folder: Path, entry: Path, outcome: Outcome) -> None:
    """Move what was dropped to where it belongs, with its text beside it, written first."""
    goal = free(folder / (FAILED if outcome.failed else DONE) / entry.name)
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"
    text = goal.with_name(goal.name + ".txt")
    text.write_text("".join(f"{visible(line)}\n" for line in [f"{at} {entry.name}", *outcome.lines]))
    entry.rename(goal)
    for line in outcome.lines:
        click.echo(visible(line), err=outcome.failed)


def free(goal: Path) -> Path:
    """Return the path, with a number after it if something is there."""
    number, path = 1, goal
    while path.is_symlink() or path.exists():
        number += 1
        path = goal.with_name(f"{goal.name}.{number}")
    return path

"""`perfanalysis upload`."""

import json
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from appliance import moment
from appliance.cli.options import Duration, state_option
from appliance.cli.tables import counted, visible
from appliance.errors import (
    BadConfiguration,
    InputOutput,
    MissingParameters,
    NoInput,
    NoPermission,
    PerfanalysisError,
)

logger = logging.getLogger(__name__)
ACCOUNT = Path(".pcc/config.json")
"""In the home folder: {"xatbackend": {"url": ..., "api_key": ..., "tenant_id": ...}}."""


class Account(NamedTuple):
    """Where uploads go, and with which key."""

    url: str = ""
    key: str = ""
    tenant: str = ""


@click.command("upload", epilog="Example: perfanalysis upload perf_data.csv --machine-id web-1 --key-file team-a.key")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--url", "--server", envvar="XATBACKEND_URL", default="", help="The receiver, such as https://perf.example.com."
)
@click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE", help="Has the key alone, mode 0600.")
@click.option(
    "--machine-id", envvar="MACHINE_ID", default="", metavar="ID",
    help="The machine that the file is of. [default: the one it names]",
)  # fmt: skip
@click.option(
    "--tenant", envvar=["XATBACKEND_TENANT_ID", "TENANT_ID"], default="", metavar="NAME",
    help="The tenant that the key must be of.",
)  # fmt: skip
@click.option(
    "--retries", type=click.IntRange(0, 100), envvar="UPLOAD_RETRY_MAX", default=3, show_default=True,
    help="How often to try again.",
)  # fmt: skip
@click.option(
    "--timeout", type=Duration(), envvar="UPLOAD_TIMEOUT", default="60s", show_default=True,
    help="How long to wait for the receiver.",
)  # fmt: skip
@click.option("--pending", is_flag=True, help="Send what UPLOAD_AUTO could not send when its recording ended.")
@click.option("--ca-file", type=click.Path(path_type=Path), envvar="PERFANALYSIS_CA_FILE", metavar="FILE",
              help="The authority of the receiver's certificate.")  # fmt: skip
@state_option
def command(
    file: Path | None, url: str, key_file: Path | None, machine_id: str, tenant: str, retries: int, timeout: float,
    pending: bool, ca_file: Path | None, state: Path,
) -> None:  # fmt: skip
    """
    Send a CSV file or a recording to a receiver.

    The key comes from --key-file, from the variable XATBACKEND_APIKEY, or from ~/.pcc/config.json.
    """
    from appliance.ship import keys

    # Not an option: every user of the machine could read it in the list of processes.
    key = keys.read(key_file) if key_file is not None else os.environ.get("XATBACKEND_APIKEY", "")
    given = Account(url, key, tenant)

    def send(path: Path, machine: str, account: Account) -> None:
        send_file(path, machine, account, retries, timeout or None, ca_file)

    if pending:
        send_pending(state, given, send)
    elif file is None:
        raise MissingParameters("name the file to send, or send what waits with --pending.")
    else:
        account = complete(given, Path.home() / ACCOUNT)
        send(file, machine_id or only_machine(file), account)


def send_file(
    path: Path, machine_id: str, account: Account, retries: int, timeout_seconds: float | None, ca_file: Path | None
) -> None:
    """Send a file and say what became of it."""
    from appliance.ship import upload

    sent = upload.send(
        path, account.url, account.key, machine_id, account.tenant, timeout_seconds=timeout_seconds, retries=retries,
        ca_file=ca_file, say=lambda sentence: click.echo(visible(sentence), err=True),
    )  # fmt: skip
    for warning in sent.warnings:
        click.echo(f"Warning: {visible(warning)}", err=True)
    if sent.duplicate:
        click.echo(f"This file was uploaded before: {counted(sent.rows_imported, 'row')} of {machine_id} then.")
    else:
        known = f"{sent.rows_duplicate:,} known already"
        click.echo(f"{counted(sent.rows_imported, 'new row')} of {machine_id} imported, {known}.")


def only_machine(file: Path) -> str:
    """Return the machine that a file is of; raise MissingParameters if it is of several, and what it has wrong."""
    from appliance.formats import reading

    machines = sorted({part.machine for part in reading.read_file(file).samples})
    if len(machines) > 1:
        raise MissingParameters(
            f"{file} is of {len(machines)} machines, from {machines[0]} to {machines[-1]}, and an upload is of one: "
            "split the file, or import it where the data are."
        )
    return machines[0]


def send_pending(state: Path, given: Account, send: Callable[[Path, str, Account], None]) -> None:
    """Send all that waits, whatever becomes of one of them; raise what went wrong last."""
    from appliance.ship import pending

    failure: PerfanalysisError | None = None
    for note, upload in pending.uploads(state):
        asked = Account(given.url or upload.url, given.key, given.tenant or upload.tenant)
        try:
            named = Path(upload.file)
            file = located(named, upload.started)
            if file is None and named.exists():
                began = moment.text(int(upload.started * 1000))
                raise NoInput(
                    f"the file of {upload.file} that begins at {began} is gone: rotation (--keep) or somebody removed "
                    "it before it was uploaded."
                )
            send(file or named, upload.machine_id, complete(asked, Path.home() / ACCOUNT))
            note.unlink()
        except PerfanalysisError as error:
            if failure is not None:
                click.echo(visible(failure.message), err=True)
            failure = error
            if isinstance(error, NoInput):
                # It will not come back, and would be in the way of the others for ever.
                note.unlink()
    if failure is not None:
        raise failure


def prepare(path: Path, machine_id: str) -> click.Context:
    """Return the upload of a recording as the environment wants it; raise UsageError for a setting that is wrong."""
    return command.make_context("upload", [str(path), "--machine-id", machine_id])


class Automatic:
    """The uploads of a recording: each file of it is noted when it is complete, and sent when the recording ended."""

    def __init__(self, path: Path, machine_id: str, state: Path) -> None:
        """Take the settings of the environment; raise UsageError for one that is wrong."""
        self.path, self.machine_id, self.state = path.absolute(), machine_id, state
        asked = prepare(path, machine_id).params
        self.url, self.tenant = asked["url"], asked["tenant"]
        self.files: list[tuple[float, Path | None]] = []
        """When each file began, and its note: whatever ends us before it is sent, it is not forgotten."""

    def add(self, started: float) -> None:
        """Note a file of the recording by its first timestamp: it may get another name."""
        from appliance.ship import pending

        note = None
        try:
            note = pending.add(
                self.state, pending.Upload(str(self.path), self.machine_id, self.url, self.tenant, started)
            )
        except OSError as error:
            logger.warning("The upload of %s cannot be noted in %s: %s.", self.path, self.state, error.strerror)
        self.files.append((started, note))

    def send(self) -> None:
        """Send the files, oldest first; raise what went wrong last, with what stays queued and what is gone."""
        failure: PerfanalysisError | None = None
        queued: list[str] = []
        gone = 0
        for started, note in self.files:
            file = located(self.path, started)
            if file is None:
                gone += 1
            else:
                try:
                    with prepare(file, self.machine_id) as prepared:
                        command.invoke(prepared)
                except PerfanalysisError as error:
                    if failure is not None and failure.message != error.message:
                        click.echo(visible(failure.message), err=True)
                    failure = error
                    queued.append(str(file))
                    continue
            if note is not None:
                note.unlink(missing_ok=True)
        lost = f"{counted(gone, 'file')} of {self.path} went for newer ones before the upload: keep more with --keep."
        if failure is not None:
            if gone:
                click.echo(visible(lost), err=True)
            what = f"upload of {queued[0]} stays" if len(queued) == 1 else f"uploads of {', '.join(queued)} stay"
            sends = "sends it" if len(queued) == 1 else "sends them"
            said = f"{failure.message.rstrip('.')}. The {what} queued: perfanalysis upload --pending {sends}."
            raise type(failure)(said) from failure
        if gone:
            raise InputOutput(lost)


def located(path: Path, started: float) -> Path | None:
    """Return where a file of a recording is now; None if it is not there any more."""
    from appliance.collect import rotation

    return rotation.find(path, started) if started else path


def complete(given: Account, path: Path) -> Account:
    """Take what is not given from the account file; raise MissingParameters for what is nowhere."""
    if not (given.url and given.key):
        kept = read_account(path)
        # A tenant belongs to its key.
        tenant = given.tenant or ("" if given.key else kept.tenant)
        given = Account(given.url or kept.url, given.key or kept.key, tenant)
    if not given.url:
        raise MissingParameters(f"name the receiver with --url or XATBACKEND_URL, or in {path}.")
    if not given.key:
        raise MissingParameters(f"give a key with --key-file or XATBACKEND_APIKEY, or in {path}.")
    return given


def read_account(path: Path) -> Account:
    """Read the account file, if there is one; raise NoPermission or BadConfiguration if it is not as it must be."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode != 0o600:
            raise NoPermission(f"{path} holds a key and its mode is {mode:04o}: run chmod 600 {path}.")
        settings = json.loads(path.read_text("utf-8"))["xatbackend"]
        found = Account(*(settings.get(name, "") for name in ("url", "api_key", "tenant_id")))
        if not all(isinstance(text, str) for text in found):
            raise TypeError
    except FileNotFoundError:
        return Account()
    except OSError as error:
        raise NoPermission(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadConfiguration(
            f'{path} is not like {{"xatbackend": {{"url": "...", "api_key": "...", "tenant_id": "..."}}}}.'
        ) from error
    return found

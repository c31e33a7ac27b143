"""The half of `collect` that sends: the key, the spool, and what is said when it ends."""

import logging
import os
import stat
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import (
    BadConfiguration,
    BadData,
    CannotCreate,
    NoInput,
    NoPermission,
    PerfanalysisError,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from appliance.ship.sender import Sender
    from appliance.ship.spool import Spool

logger = logging.getLogger(__name__)
SPOOL = "spool"
CREDENTIAL = "apikey"
"""Its name among the credentials that systemd gives a service."""
MEBIBYTE = 1 << 20


class Road(NamedTuple):
    """How to get to the receiver: what the options say of it."""

    server: str
    key: Callable[[], str]
    ca_file: Path | None
    batch: int
    batch_wait: float
    spool: Path | None
    spool_mebibytes: int
    state: Path


def key_source(path: Path | None) -> Callable[[], str] | None:
    """
    Return what reads the key: from a file, from the environment, or from a credential; None if none is named.

    It is removed from the environment: no program of ours needs it there. A file is read when it is needed, and again
    when its key was not accepted.
    """
    given = os.environ.pop("PCC_APIKEY", "").strip()
    if path is not None:
        return lambda: read_key_file(path)
    if given:
        return lambda: checked(given)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (credential := Path(folder) / CREDENTIAL).is_file():
        # Its mode is the business of systemd, which may give it to a group.
        return lambda: read_key_file(credential, private=False)
    return None


def read_key_file(path: Path, *, private: bool = True) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(4096).decode("utf-8", "replace").strip()
    except OSError as error:
        raise NoInput(f"the key file {path} cannot be read: {error.strerror}.") from error
    if private and mode & 0o077:
        raise NoPermission(f"the key file {path} may be read by others: chmod 600 {path}")
    if not key:
        raise BadConfiguration(f"the key file {path} is empty: it holds the key and nothing else.")
    return checked(key)


def checked(key: str) -> str:
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadConfiguration("the key is not one: it is a single word of letters, digits and signs.")
    return key


def name_of(target: str, machine: str) -> str:
    """Return a name for files, of a receiver or recording and a machine."""
    shown = "".join(letter if letter.isalnum() else "-" for letter in target.rpartition("//")[2])
    return f"{shown[:60].strip('-')}-{machine}-{zlib.crc32(f'{target} {machine}'.encode()):08x}"


def make_sender(road: Road, machine: str, interval: float) -> "tuple[Sender, Spool | None]":
    """Return what sends, and the spool that its samples wait in: without one they wait in memory."""
    from appliance.ship.connection import is_plain
    from appliance.ship.letters import Letters
    from appliance.ship.queue import Queue
    from appliance.ship.sender import Pace, Sender
    from appliance.ship.spool import Limits, Spool

    if is_plain(road.server):
        logger.warning("The key and the samples go to %s without encryption: use https.", road.server)
    limits = Limits(road.spool_mebibytes * MEBIBYTE, sync_seconds=0 if interval >= 1 else 1)
    folder = road.spool or road.state / SPOOL / name_of(road.server, machine)
    spool = None
    try:
        spool = Spool(folder, machine, host(), limits, keep_folder=road.spool is not None)
    except CannotCreate as error:
        logger.error("%s Samples wait in memory, where they do not outlive this process.", error.message)
    sender = Sender(
        road.server, road.key, Queue(machine) if spool is None else spool, Pace(road.batch, road.batch_wait),
        ca_file=road.ca_file, letters=Letters(None if spool is None else spool.folder),
    )  # fmt: skip
    return sender, spool


def host() -> Mapping[str, str]:
    from appliance.collect import meta

    return {
        "machine_id": meta.machine_id(), "hostname": os.uname().nodename, "boot_id": meta.boot_id("/proc") or "",
    }  # fmt: skip


def check_target(server: str | None, key: Callable[[], str] | None) -> tuple[str, Callable[[], str]]:
    """Return both, or say which one is missing."""
    from appliance.ship.connection import address

    if not server:
        raise UsageError("mode trickle sends to a receiver: name it with --server URL.")
    if key is None:
        raise UsageError("mode trickle needs a key: name its file with --key-file, or set PCC_APIKEY.")
    address(server)
    return server, key


def conclude(sender: "Sender", spool: "Spool | None", waiting: int, dropped: int, taken: str) -> str:
    """Return what is said when all is stored; raise the reason why not all of it is, with where the rest waits."""
    dropped += sender.waiting.state()["dropped"] + sender.letters.lost
    why = sender.trouble or f"{sender.url}: there was no time for more"
    if waiting:
        kind: type[PerfanalysisError] = type(sender.failure) if sender.failure else Unavailable
        lost = waiting if spool is None else min(waiting, len(spool.memory))
        kept = f" They wait in {spool.folder} and go with the next collect." if spool is not None else ""
        gone = f" {lost} of them were in memory and are lost." if lost else ""
        raise kind(f"{waiting} samples are not stored ({why}).{kept}{gone}")
    if dropped or sender.refused:
        kept = f", {sender.letters.kept} kept in {sender.letters.folder}" if sender.letters.kept else ""
        raise BadData(f"{sender.refused} samples were refused by {sender.url}{kept}, {dropped} are lost ({why}).")
    return f"{taken}, all stored by {sender.url}."

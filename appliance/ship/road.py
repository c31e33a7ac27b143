"""The road to a receiver: what it is made of, and what is said of it when it ends."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from appliance.errors import (
    BadData,
    CannotCreate,
    PerfanalysisError,
    Unavailable,
    UsageError,
)
from appliance.ship.connection import address, is_plain
from appliance.ship.letters import Letters
from appliance.ship.queue import Queue
from appliance.ship.sender import Pace, Sender
from appliance.ship.slow_start import MOST_PER_SECOND
from appliance.ship.spool import Limits, Spool
from appliance.ship.status import name_of

logger = logging.getLogger(__name__)
SPOOL = "spool"
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
    keep_sent: float
    state: Path
    strict: bool
    """Not to record what can only wait in memory."""


def make_sender(road: Road, machine: str, interval: float, host: Mapping[str, str]) -> tuple[Sender, Spool | None]:
    """Return what sends, and the spool that its samples wait in: without one they wait in memory."""
    if is_plain(road.server):
        logger.warning("The key and the samples go to %s without encryption: use https.", road.server)
    limits = Limits(
        road.spool_mebibytes * MEBIBYTE, sync_seconds=0 if interval >= 1 else 1, sent_seconds=road.keep_sent
    )  # fmt: skip
    folder = road.spool or road.state / SPOOL / name_of(road.server, machine)
    spool = None
    try:
        spool = Spool(folder, machine, host, limits, keep_folder=road.spool is not None)
    except CannotCreate as error:
        if road.strict:
            raise
        logger.error("%s Samples wait in memory, where they do not outlive this process.", error.message)
    # A backlog is sent faster than it grows, however small and frequent the batches are.
    most_per_second = max(MOST_PER_SECOND, 2 / (interval * road.batch))
    sender = Sender(
        road.server, road.key, Queue(machine) if spool is None else spool,
        Pace(road.batch, road.batch_wait, most_per_second=most_per_second), ca_file=road.ca_file,
        letters=Letters(None if spool is None else spool.folder), kept=None if spool is None else spool.sent,
    )  # fmt: skip
    return sender, spool


def check_target(server: str | None, key: Callable[[], str] | None) -> tuple[str, Callable[[], str]]:
    """Return both, or say which one is missing."""
    if not server:
        raise UsageError("mode trickle sends to a receiver: name it with --server URL.")
    if key is None:
        raise UsageError("mode trickle needs a key: name its file with --key-file, or set PCC_APIKEY.")
    address(server)
    return server, key


def conclude(sender: Sender, spool: Spool | None, waiting: int, dropped: int, taken: str) -> str:
    """Return what is said when all is stored; raise the reason why not all of it is, with where the rest waits."""
    dropped += sender.waiting.state()["dropped"] + sender.letters.lost
    why = sender.trouble or f"{sender.url}: there was no time for more"
    if waiting:
        kind: type[PerfanalysisError] = type(sender.failure) if sender.failure else Unavailable
        lost = waiting if spool is None else min(waiting, len(spool.memory))
        kept = f" They wait in {spool.folder} and go with the next collect." if spool is not None else ""
        gone = f" {lost} of them were in memory and are lost." if lost else ""
        what = "sample is" if waiting == 1 else "samples are"
        raise kind(f"{waiting} {what} not stored ({why}).{kept}{gone}")
    if dropped or sender.refused:
        kept = f", {sender.letters.kept} kept in {sender.letters.folder}" if sender.letters.kept else ""
        raise BadData(f"{sender.refused} samples were refused by {sender.url}{kept}, {dropped} are lost ({why}).")
    return f"{taken}, all stored by {sender.url}."

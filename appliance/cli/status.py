"""`perfanalysis status`."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance import duration
from appliance.cli.options import SYSTEM_DATA, default_state
from appliance.cli.tables import visible
from appliance.errors import NoInput

if TYPE_CHECKING:
    from appliance.ship.status import Collector

BREAKER = ("closed", "half-open", "open")
SILENT_SECONDS = 30
"""A collector that takes samples tells of itself every ten seconds, or with each sample if these are rarer."""


@click.command("status", epilog="Example: perfanalysis status --json")
@click.option("--state", type=click.Path(path_type=Path, exists=True, file_okay=False), envvar="PERFANALYSIS_STATE",
              metavar="DIR", help="Of the collectors. [default: one's own and the system's]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON list.")
def command(state: Path | None, as_json: bool) -> None:
    """
    Show the collectors of this machine: what they took, what waits to be sent, and what they cost.

    Ends with code 66 if none is known.
    """
    from appliance.ship.status import collectors

    folders = [state] if state else list(dict.fromkeys([default_state(), SYSTEM_DATA]))
    found = [refreshed(collector) for folder in folders for collector in collectors(folder)]
    if as_json:
        listed = [
            {"name": each.name, "running": each.running, "hangs_since": hangs_since(each), **each.status}
            for each in found
        ]
        click.echo(json.dumps(listed, indent=1))
    if not found:
        raise NoInput(f"no collector is known in {' or '.join(map(str, folders))}.")
    if not as_json:
        click.echo("\n\n".join("\n".join(map(visible, lines(collector))) for collector in found))


def refreshed(collector: "Collector") -> "Collector":
    """Put in the cost of now where a collector runs: what it last wrote is some seconds old."""
    from appliance.collect import cost

    status = collector.status
    now = cost.of(status["pid"], status["started"]) if collector.running else None
    if now is None:
        return collector
    costs = {"cpu_seconds": round(now.cpu_seconds, 3), "memory_bytes": now.memory_bytes}
    return collector._replace(status={**status, **costs})


def lines(collector: "Collector") -> Iterator[str]:
    """Say what there is to say of a collector, a line for each thing."""
    status = collector.status
    yield f"{status['machine_id']} to {status['target']}"
    yield f"  {life(collector)}"
    if since := hangs_since(collector):
        at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"  HANGS     it says nothing since {at}: its disk does not answer, or it was stopped"
    late, unread = status["late"], status["unread"]
    yield f"  samples   {status['samples']:,} taken, {late:,} too late, {unread:,} readings failed"
    if "sent" in status:
        yield from road(status, 0 if collector.running else time.time() - status["updated"])
    cpu = f"{each:g} ms CPU a sample, " if (each := status["cpu_ms_per_sample"]) is not None else ""
    yield (f"  cost      {cpu}{status['memory_bytes'] / 1e6:.1f} MB memory, {status['cpu_seconds']:g} s CPU in all")


def hangs_since(collector: "Collector") -> float | None:
    """Return when a collector that runs last told of itself, if that is too long ago; in seconds of the epoch."""
    since: float = collector.status["updated"]
    silent_seconds = time.time() - since
    patience_seconds = SILENT_SECONDS + 2 * collector.status["interval_seconds"]
    return since if collector.running and silent_seconds > patience_seconds else None


def life(collector: "Collector") -> str:
    status = collector.status
    ago = text(time.time() - status["updated"])
    if collector.running:
        since = text(time.time() - status["started"])
        every = duration.text(status["interval_seconds"])
        return f"running for {since} with pid {status['pid']}, every {every} (as of {ago} ago)"
    return f"ended {ago} ago" if status["state"] == "ended" else f"not running: it ended without a word, {ago} ago"


def road(status: Mapping[str, Any], ended_seconds: float) -> Iterator[str]:
    """Say how it goes with sending; what waits goes on waiting when the collector ended."""
    refused, lost = status["refused"], status["dropped"] + status["refused_lost"]
    yield f"  sent      {status['sent']:,} stored, {refused:,} refused, {lost:,} lost"
    oldest = (
        f", the oldest for {text(status['spool_oldest_seconds'] + ended_seconds)}" if status["spool_samples"] else ""
    )
    place = status["spool"] if status["spool_on_disk"] else "MEMORY"
    yield f"  waiting   {status['spool_samples']:,} ({size(status['spool_bytes'])}) in {place}{oldest}"
    success = status["last_success"]
    last = f"{text(time.time() - success)} ago" if success else "never"
    wait = status.get("next_try", 0) - time.time()
    asked = f", asked again in {text(wait)}" if wait > 0 and status["state"] == "running" else ""
    yield f"  receiver  last took samples: {last}; circuit breaker {BREAKER[status['breaker']]}{asked}"
    if again := status.get("sent_again"):
        yield f"  again     {again:,} samples, to a receiver that was restored"
    if status["trouble"]:
        yield f"  trouble   {status['trouble']}"


def size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"


def text(seconds: float) -> str:
    """Write a time that a person can grasp: its two largest units are enough."""
    whole = max(0, round(seconds))
    for unit in (86400, 3600, 60):
        if whole >= unit:
            part = {86400: 3600, 3600: 60, 60: 1}[unit]
            return duration.text(whole - whole % part)
    return f"{whole}s"

"""`perfanalysis run`: collector, receiver and report in one command, from nothing."""

import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType

import click

from appliance import duration as durations
from appliance.children import STOP_SECONDS, Child, Said, listen
from appliance.cli.collect import whole_seconds
from appliance.cli.options import Duration, data_option, min_free_option, tenant_option
from appliance.cli.progress import Progress
from appliance.cli.tables import visible
from appliance.collector import FLUSH_SECONDS
from appliance.errors import Unavailable

LISTENING = re.compile(r"Listening on ((?:http://|unix:)\S+)")
START_SECONDS = 30
LOOK_SECONDS = 0.2
SITE_SECONDS = 60
"""How often the site is written when there is no end."""
TOLD_SECONDS = 10


@click.command("run", epilog="Example: perfanalysis run --duration 60s")
@click.option("--duration", type=Duration(), default="60s", show_default=True, metavar="TIME",
              help="How long to record; 0 = until stopped, and the site is written every minute.")  # fmt: skip
@click.option("--interval", type=Duration(), default="1s", show_default=True, metavar="TIME", callback=whole_seconds,
              help="Time from one sample to the next.")  # fmt: skip
@data_option
@min_free_option
@tenant_option
@click.option("--listen", "address", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT",
              help="Where the receiver listens; port 0 is a free one.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Where to write the site. [default: beside the tenant's data]")  # fmt: skip
@click.pass_context
def command(
    context: click.Context, duration: float, interval: float, data: Path, min_free: int | None,
    tenant: str | None, address: str, output: Path | None,
) -> None:  # fmt: skip
    """
    Record this machine, receive, store and report: everything in one.

    Prints the path of the report's first page. Ctrl-C ends the recording early; the report is written all the same.
    """
    if 0 < duration < interval:
        raise click.BadParameter("it is shorter than the interval.", context, param_hint="'--duration'")
    if output is not None:
        from appliance.cli.report import check_output

        check_output(output)
    stop = Stop()
    with temporary_key(data, tenant) as (name, key):
        from appliance.store.space import Space
        from appliance.store.tenant import folder_of, site_of

        # Said now, not when the first sample has been refused.
        Space(data, min_free).check()
        floor = [] if min_free is None else ["--min-free", str(min_free)]
        folder = folder_of(data, name)
        site = Site(data, name, output or site_of(data, name))
        with Child("receiver", ["serve", "--listen", address, "--data", str(data), *floor]) as receiver:
            url = address_of(receiver, stop)
            say(f"Receiving on {url}, storing in {data}.")
            record(receiver, url, key, folder / "spool", duration, interval, site, stop)
            page = site.write()
    click.echo(page)


@contextmanager
def temporary_key(data: Path, tenant: str | None) -> Iterator[tuple[str, str]]:
    """Give the tenant, made where there is none, and a key that nobody else knows and that ends with us."""
    from appliance.errors import NotFound
    from appliance.store.claim import claimed
    from appliance.store.registry import DEFAULT_TENANT, Registry

    # Given up again for the receiver, which will hold it: here it tells early that another one does.
    # The registry too is closed while the children run: they have the file open themselves.
    with claimed(data, "perfanalysis run"), closing(Registry(data)) as registry:
        if not registry.tenants():
            registry.create_tenant(DEFAULT_TENANT)
            say(f"Made the data folder {data} with the tenant {DEFAULT_TENANT}.")
        name = registry.choose(tenant)
        key = registry.create_key(name, ["write"], "made by run for itself")
    try:
        yield name, key
    finally:
        registry = Registry(data)
        with suppress(NotFound):
            registry.revoke_key(key.split("_")[1])
        registry.close()


class Stop:
    """Says whether a signal to stop has come; a second one interrupts whatever goes on."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def handle(self, _: int, __: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def address_of(receiver: Child, stop: Stop) -> str:
    """Wait until the receiver says where it listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for said in listen([receiver], LOOK_SECONDS):
            if found := LISTENING.search(said.line):
                return found[1]
        check(receiver)
        if stop.asked:
            raise KeyboardInterrupt
    raise Unavailable("the receiver did not start in time.")


def record(
    receiver: Child, url: str, key: str, spool: Path, duration: float, interval: float, site: "Site", stop: Stop
) -> None:
    """Run the collector until the duration is over or we are asked to stop."""
    wanted = durations.text(duration)
    say(f"Recording this machine {f'for {wanted}' if duration else 'until Ctrl-C'}, every {durations.text(interval)}.")
    arguments = [
        "collect", "--mode", "trickle", "--server", url, "--duration", wanted, "--interval", durations.text(interval),
        "--batch-wait", "5s", "--spool", str(spool),
    ]  # fmt: skip
    with Child("collector", arguments, PCC_APIKEY=key) as collector:
        with Progress(duration) as progress:
            next_site = time.monotonic() + SITE_SECONDS
            while not (collector.ended or stop.asked):
                said = listen([receiver, collector], LOOK_SECONDS)
                if said:
                    progress.clear()
                tell(said)
                check(receiver)
                progress.show()
                site.look()
                if not duration and time.monotonic() >= next_site:
                    site.begin()
                    next_site += SITE_SECONDS
        if not collector.ended:
            say("Stopping: what is recorded is sent.")
        tell(collector.stop(FLUSH_SECONDS + STOP_SECONDS))
        check(receiver)
        if (failure := collector.failure()) is not None:
            raise failure


def check(child: Child) -> None:
    """Raise the error of a child that ended and should not have."""
    if child.ended:
        tell(child.read())
        raise child.failure() or Unavailable(f"the {child.name} ended by itself.")


class Site:
    """The tenant's site, written by a child: the memory that drawing takes is given back."""

    def __init__(self, data: Path, tenant: str, folder: Path) -> None:
        self.arguments = ["report", "--data", str(data), "--tenant", tenant, "--output", str(folder)]
        self.page = (folder / "index.html").absolute()
        self.writer: Child | None = None
        self.told = False

    def begin(self) -> None:
        """Start to write it, unless that goes on."""
        if self.writer is None:
            self.writer = Child("report", self.arguments)

    def look(self) -> None:
        """When it is written, say where it is, once; a failure is told and tried again with the next."""
        if self.writer is None or not self.writer.ended:
            return
        with self.writer as writer:
            self.writer = None
            writer.read()
            if (failure := writer.failure()) is not None:
                say(f"No report yet: {failure.message}")
            elif not self.told:
                say(f"The report so far, written again every {SITE_SECONDS} s: {self.page}")
                self.told = True

    def write(self) -> Path:
        """Write it now and return its first page."""
        if self.writer is not None:
            with self.writer:
                self.writer = None
        say("Writing the report.")
        with Child("report", self.arguments) as writer:
            while not writer.ended:
                listen([writer], LOOK_SECONDS)
            writer.read()
            if (failure := writer.failure()) is not None:
                raise failure
        return self.page


def tell(said: Iterable[Said]) -> None:
    for name, line in said:
        say(f"{name}: {line}")


def say(sentence: str) -> None:
    click.echo(visible(sentence), err=True)

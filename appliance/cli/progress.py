"""How far a recording or an import is: a bar on a terminal."""

import sys
import time

import click

from appliance import duration as durations
from appliance.boundary import tell
from appliance.cli.tables import visible

TOLD_SECONDS = 10


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
            tell(f"{durations.text(round(seconds))}{of} recorded.")

    def sample(self, _: int, __: bytes) -> None:
        """Show it with each sample: as a sink."""
        self.show()


class FileProgress:
    """How many of some files are done: a bar on a terminal, and nothing elsewhere."""

    def __init__(self, count: int) -> None:
        self.bar = (
            click.progressbar(length=count, label="Importing", file=sys.stderr)
            if count > 1 and sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> "FileProgress":
        if self.bar is not None:
            self.bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def say(self, sentence: str, *, err: bool = True) -> None:
        """Say something on a line of its own, above the bar."""
        if self.bar is not None:
            click.echo("\r\033[K", nl=False, err=True)
        click.echo(visible(sentence), err=err)
        if self.bar is not None:
            self.bar.render_progress()

    def step(self) -> None:
        if self.bar is not None:
            self.bar.update(1)

"""How far a recording or an import is: a bar on a terminal."""

import sys
import time
from typing import Self

import click

from appliance import duration as durations
from appliance.boundary import tell
from appliance.cli.tables import visible

TOLD_SECONDS = 10


class Bar:
    """A bar on a terminal, and nothing elsewhere."""

    def __init__(self, length: float, label: str) -> None:
        """A length of 0 is none that is known, and needs no bar."""
        self.bar = (
            click.progressbar(length=round(length), label=label, file=sys.stderr)
            if length and sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def advance(self, count: int) -> None:
        if self.bar is not None:
            self.bar.update(count)

    def clear(self) -> None:
        """Make its line free for what is said; the bar is drawn again below it."""
        if self.bar is not None:
            click.echo("\r\033[K", nl=False, err=True)


class Progress(Bar):
    """How much of a recording is done; where there is no bar, a line says so now and then."""

    def __init__(self, duration: float) -> None:
        super().__init__(duration, "Recording")
        self.duration = duration
        self.started = self.told = time.monotonic()

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


class FileProgress(Bar):
    """How many of some files are done."""

    def __init__(self, count: int) -> None:
        super().__init__(count if count > 1 else 0, "Importing")

    def say(self, sentence: str, *, err: bool = True) -> None:
        """Say something on a line of its own, above the bar."""
        self.clear()
        click.echo(visible(sentence), err=err)
        if self.bar is not None:
            self.bar.render_progress()

    def step(self) -> None:
        if self.bar is not None:
            self.bar.update(1)

"""Commands of this program as child processes: they end with it, whatever ends it, and what they say is read."""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from appliance.errors import PerfanalysisError

PR_SET_PDEATHSIG = 1
PIECE_BYTES = 64 << 10
KEPT_LINES = 10
STOP_SECONDS = 15
"""How long a child may take to end when it is asked to."""


class Said(NamedTuple):
    name: str
    """Of the child."""
    line: str


def command_line(*arguments: str) -> list[str]:
    """Return how to start a command of this program, which is Python with a package or, when frozen, a program."""
    return [sys.executable, *([] if getattr(sys, "frozen", False) else ["-m", "appliance"]), *arguments]


class Child:
    def __init__(self, name: str, arguments: Sequence[str], **settings: str) -> None:
        """Start a command; `settings` are added to its environment."""
        self.name = name
        self.last: list[str] = []
        """The last lines that it wrote, to either output."""
        self.torn = b""
        self.closed = False
        self.output, written = os.pipe()
        os.set_blocking(self.output, False)
        self.process = subprocess.Popen(
            command_line(*arguments),
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            # A Ctrl-C on the terminal is for the parent, which stops its children in order.
            process_group=0,
            # Safe: no other thread is there that could hold a lock.
            preexec_fn=end_with_parent(),  # noqa: PLW1509
        )
        os.close(written)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(STOP_SECONDS)
        os.close(self.output)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def read(self) -> list[Said]:
        """Return the lines that it wrote since."""
        try:
            piece = os.read(self.output, PIECE_BYTES)
        except BlockingIOError:
            return []
        self.closed = not piece
        *lines, self.torn = (self.torn + piece).split(b"\n")
        texts = [line.decode("utf-8", "replace") for line in lines]
        self.last = [*self.last, *texts][-KEPT_LINES:]
        return [Said(self.name, text) for text in texts]

    def stop(self, seconds: float) -> list[Said]:
        """Ask it to end, wait, and kill it when the time is over; return what it said meanwhile."""
        if not self.ended:
            self.process.terminate()
        said = self.wait(seconds)
        if not self.ended:
            self.process.kill()
            self.process.wait()
        return said

    def wait(self, seconds: float) -> list[Said]:
        """Wait until it has ended, but not longer; return what it said meanwhile."""
        said: list[Said] = []
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            said += listen([self], 0.05)
        return said + self.read()

    def failure(self) -> PerfanalysisError | None:
        """Return the error that it ended with, in its own words; None if it ended well."""
        code = self.process.returncode
        if code == 0:
            return None
        words = self.last[-1].removeprefix("perfanalysis: ") if self.last else f"it ended with code {code}."
        error = PerfanalysisError(f"the {self.name}: {f'signal {-code} ended it.' if code < 0 else words}")
        error.exit_code = code if code > 0 else error.exit_code
        return error


def listen(children: Sequence[Child], seconds: float) -> list[Said]:
    """Wait until a child says something, but not longer; return who said what."""
    open_ones = [child for child in children if not child.closed]
    if not open_ones:
        time.sleep(seconds)
    with selectors.DefaultSelector() as selector:
        for child in open_ones:
            selector.register(child.output, selectors.EVENT_READ, child)
        ready = selector.select(seconds) if open_ones else []
    return [said for key, _ in ready for said in key.data.read()]


def end_with_parent() -> Callable[[], None]:
    """Return what a child does before it becomes a program: have the kernel end it when its parent is no more."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)

    return ask

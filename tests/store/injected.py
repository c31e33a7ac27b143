"""Does something in a child process that strace kills, or whose system calls it lets fail, at the n-th of a kind."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.errors import PerfanalysisError

PATIENCE_SECONDS = 60


def inject(action: Callable[[], object], call: str, what: str, at: int, trace: Path, plus: str = "") -> str:
    """
    Do an action with something injected into its n-th such call, with plus="+" all later ones too; return how it ended.

    That is "untouched" (there are not so many calls), "killed", "done", "refused: SENTENCE" (one of our errors) or
    "defect: ..." (any other).
    """
    # Not a pipe: what writes to it is among the calls that fail.
    told, telling = socket.socketpair()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGSTOP)
            telling.sendall(outcome(action).encode())
        os._exit(0)
    telling.close()
    os.waitpid(child, os.WUNTRACED)
    try:
        tracing = ["strace", "-p", str(child), "-o", str(trace), "-e", f"trace={call}"]
        tracer = subprocess.Popen(
            [*tracing, "-e", f"inject={call}:{what}:when={at}{plus}"], stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        end(child)
        pytest.skip("needs strace")
    assert tracer.stderr is not None
    if "attached" not in (first := tracer.stderr.readline()):
        end(child)
        tracer.communicate()
        pytest.skip(f"strace may not trace here: {first.strip()[:200]}")
    os.kill(child, signal.SIGCONT)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            end(child)
            tracer.communicate()
            raise AssertionError(f"{call} {at} {what}: the action does not end")
        time.sleep(0.002)
    tracer.communicate()
    with told, told.makefile() as stream:
        said = stream.read()
    return (said or "killed") if "INJECTED" in trace.read_text() or not said else "untouched"


def outcome(action: Callable[[], object]) -> str:
    try:
        action()
    except PerfanalysisError as error:
        return f"refused: {error.message}"
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return f"defect: {error!r}"
    return "done"


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@dataclass(frozen=True)
class Point:
    at: int
    ended: str
    """As `inject` tells it."""
    left: str
    """What was found afterwards, in a word."""


def sweep(
    prepare: Callable[[Path], Callable[[], object]], look: Callable[[Path], str], call: str, what: str, folder: Path,
    step: int = 1, plus: str = "",
) -> list[Point]:  # fmt: skip
    """
    Inject into one call after the other until there are no more, and tell what became of each.

    `prepare` makes a new folder ready and gives the action in it, `look` says what the action left there.
    """
    points: list[Point] = []
    at = 1
    while True:
        place = folder / f"{call}-{at}"
        place.mkdir(parents=True)
        ended = inject(prepare(place), call, what, at, folder / "trace", plus)
        if ended == "untouched":
            return points
        points.append(Point(at, ended, look(place)))
        shutil.rmtree(place)
        at += step

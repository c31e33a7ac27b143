"""
systemd_units[*], by option: which units of systemd work and which failed, and how often services were started again.

`systemctl` is asked once a minute, as a child, which needs no privilege and no library for D-Bus. The recorder gives it
a moment and then goes on: what comes later is picked up at the next sample.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.collect.patience import WAIT_SECONDS
from appliance.collect.sources import NOT_NOW, PATIENT_SECONDS, Source, read_all

SECONDS = 60
ANSWER_SECONDS = 10.0
MOST_UNITS = 256
"""So many are recorded by their names; all are counted."""
COMMAND = (
    "systemctl", "show", "--no-pager", "--all", "--property=Id,LoadState,ActiveState,NRestarts",
    "*.service", "*.socket", "*.timer", "*.mount",
)  # fmt: skip
"""With --all, because a service that was stopped is to be told as one that does not run."""
NOT_THERE = {"not-found", "masked"}
"""Units that others name, and that nobody has, or wants."""


def source(
    root: str, command: Sequence[str] = COMMAND, monotonic: Callable[[], float] = time.monotonic,
    answer_seconds: float = ANSWER_SECONDS,
) -> Source:  # fmt: skip
    """/run is beside /proc."""
    started_by_systemd = Path(root).parent / "run/systemd/system"
    child: Child | None = None
    due = float("-inf")

    def read() -> str | dict[str, str] | None:
        nonlocal child, due
        if child is None:
            if (now := monotonic()) < due:
                return NOT_NOW
            due = now + SECONDS
            # As sd_booted() looks: systemctl may be there on a machine that has another init, or none.
            if not started_by_systemd.is_dir():
                raise FileNotFoundError(2, "this machine was not started by systemd")
            child = Child(command, now)
        if not child.ended():
            if monotonic() - child.began < answer_seconds:
                return NOT_NOW
            child.end()
            child = None
            raise TimeoutError(f"{command[0]} did not answer within {answer_seconds:g} s")
        ended = child
        child = None
        return told(ended.answer())

    def again() -> None:
        nonlocal due
        due = float("-inf")

    return Source("systemd_units[*]", read, again, PATIENT_SECONDS)


class Child:
    def __init__(self, command: Sequence[str], began: float) -> None:
        """Start it, and give it a moment; raise FileNotFoundError where there is no such program."""
        self.name, self.began = command[0], began
        # No key of ours, and no library of a frozen program in the place of the system's.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        # In memory, because nobody empties a pipe while it runs.
        self.output, self.errors = os.memfd_create("output"), os.memfd_create("errors")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.errors, env=environment
            )
        except OSError as error:
            self.close()
            raise type(error)(error.errno, f"{self.name} cannot be run: {error.strerror}") from error
        self.wait()

    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(WAIT_SECONDS)

    def end(self) -> None:
        """Kill it, and do not wait for long until it is gone: it may hang in the kernel."""
        self.process.kill()
        self.wait()
        self.close()

    def answer(self) -> str:
        """Return what it printed; raise OSError with its own words where it failed."""
        try:
            if self.process.returncode:
                words = read_all(self.errors).decode("utf-8", "backslashreplace").split("\n", 1)[0].strip(" .")
                raise OSError(5, words or f"{self.name} ended with code {self.process.returncode}")
            return read_all(self.output).decode("utf-8", "backslashreplace")
        finally:
            self.close()

    def close(self) -> None:
        os.close(self.output)
        os.close(self.errors)


def told(answer: str) -> str:
    """Write the records: first of all units, then of each, those first that failed or were started again."""
    found = sorted(units(answer), key=importance)
    every = {"units": len(found), "failed": sum(unit["failed"] for unit in found)}
    lines = [every, *found[:MOST_UNITS]]
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in lines)


def importance(unit: dict[str, Any]) -> tuple[Any, ...]:
    service = unit["unit"].endswith(".service")
    return -unit["failed"], -unit.get("restarts", 0), not service, -unit["active"], unit["unit"]


def units(answer: str) -> Iterator[dict[str, Any]]:
    """Give the record of each unit: systemctl writes lines as Id=ssh.service, and an empty one between two units."""
    for block in answer.split("\n\n"):
        shown = dict(line.partition("=")[::2] for line in block.splitlines())
        if "Id" in shown and shown.get("LoadState") not in NOT_THERE:
            state = shown.get("ActiveState", "")
            record: dict[str, Any] = {
                "unit": shown["Id"], "active": int(state == "active"), "failed": int(state == "failed"),
            }  # fmt: skip
            # Of services only, since systemd 235.
            if shown.get("NRestarts", "").isdecimal():
                record["restarts"] = int(shown["NRestarts"])
            yield record

"""A real recorder whose clock is set again and again, by libfaketime, and what must be true of its recording."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

LIBRARIES = [
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib").glob("faketime/libfaketimeMT.so.1"),
]
INTERVAL_MS = 100
SAME_MS = 60
"""The offset of a clock is read some milliseconds after it was set."""
TRUE_MS = 500
"""On a busy machine some time goes by between a tick and the reading of what it is compared with."""
PATIENCE_SECONDS = 30
PROGRAM = "import sys; from appliance.__main__ import main; sys.argv = ['perfanalysis', *sys.argv[1:]]; main()"
ONE_NUMBER = """
import sys
from appliance import handover
from appliance.collect import loop
handover.give = lambda settings: None
loop.Session.begin_anew = lambda session: setattr(session, 'complete', True)
"""
"""A recorder that goes on under one number when times come again: the control."""

needs_faketime = pytest.mark.skipif(
    not LIBRARIES, reason="needs libfaketime to set a clock (Debian: apt install faketime)"
)


class Stepped(NamedTuple):
    steps_ms: list[int]
    """How far the clock was set each time."""
    recording: Path
    errors: str
    returncode: int


@contextmanager
def recorder(folder: Path, environment: dict[str, str], before: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Run a recorder, stopped in the end by who uses it, whose clock is off by what is in the file `offset`."""
    faked = {
        "LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    } if LIBRARIES else {}  # fmt: skip
    set_clock(folder, 0)
    process = subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM, "collect", "--interval", f"{INTERVAL_MS}ms", "--mode", "local",
         "--machine-id", "web-1", "--state", str(folder / "state"), "-o", str(folder / "r.json")],
        env={**environment, **faked}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def set_clock(folder: Path, offset_ms: int) -> None:
    new = folder / "offset.new"
    new.write_text(f"{offset_ms / 1000:+.3f}\n")
    new.replace(folder / "offset")


def stepped(folder: Path, environment: dict[str, str], steps: int, seed: int, before: str = "") -> Stepped:
    """Record while the clock is set so many times, forwards and backwards, by a second or by up to a year."""
    chance, offset_ms, steps_ms = random.Random(seed), 0, []
    with recorder(folder, environment, before) as process:
        following = Following(folder / "r.json")
        following.wait_for(samples=3)
        for _ in range(steps):
            size_ms = round(1000 * 10 ** chance.uniform(0, 7.5))
            # Home again in the end, so that the years do not add up.
            step_ms = -size_ms if (offset_ms > 0) == (chance.random() < 0.8) else size_ms
            offset_ms += step_ms
            set_clock(folder, offset_ms)
            steps_ms.append(step_ms)
            following.wait_for(clock_events=len(steps_ms))
        following.wait_for(samples=following.samples + 2)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return Stepped(steps_ms, folder / "r.json", errors, process.returncode)


class Following:
    """Counts what a recording has, while it grows."""

    def __init__(self, path: Path) -> None:
        self.path, self.at, self.samples, self.clock_events = path, 0, 0, 0

    def wait_for(self, samples: int = 0, clock_events: int = 0) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while self.samples < samples or self.clock_events < clock_events:
            assert time.monotonic() < until, f"after {self.samples} samples and {self.clock_events} steps nothing came"
            if self.path.exists():
                with self.path.open("rb") as file:
                    file.seek(self.at)
                    text = file.read()
                text = text[: text.rfind(b"\n") + 1]
                self.at += len(text)
                self.samples += text.count(b'"subsystem":"/proc/stat"')
                self.clock_events += text.count(b'\\"kind\\": \\"clock\\"')
            time.sleep(0.01)


class Sample(NamedTuple):
    run: int
    at_ms: int
    uptime_ms: int
    events: list[dict[str, Any]]


def samples_of(path: Path) -> list[Sample]:
    """Return the samples in the order of the recording."""
    taken: list[Sample] = []
    run, events = 0, list[dict[str, Any]]()
    for record in map(json.loads, path.read_text().splitlines()):
        text = record["measurement"]
        if record["subsystem"] == "perfanalysis[meta]":
            run = json.loads(text)["run"]
        elif record["subsystem"] == "perfanalysis[event]":
            events.append(json.loads(text))
        elif record["subsystem"] == "/proc/uptime":
            taken.append(Sample(run, round(record["timestamp"] * 1000), round(float(text.split()[0]) * 1000), events))
            events = []
    return taken


def troubles(found: Stepped) -> list[str]:
    """Say what is wrong with a recording; nothing where the steps of its clock did it no harm."""
    taken, wrong = samples_of(found.recording), []
    if found.returncode:
        wrong.append(f"it ended with {found.returncode}: {found.errors}")
    if len({(sample.run, sample.at_ms) for sample in taken}) < len(taken):
        wrong.append("two samples have the same run and time")
    told = [event["milliseconds"] for sample in taken for event in sample.events if event["kind"] == "clock"]
    if len(told) != len(found.steps_ms) or any(
        abs(one - other) > SAME_MS for one, other in zip(told, found.steps_ms, strict=False)
    ):
        wrong.append(f"the steps {found.steps_ms} are told as {told}")
    for before, sample in pairwise(taken):
        passed_ms = sample.at_ms - before.at_ms
        if sample.run == before.run and passed_ms <= 0:
            wrong.append(f"{sample} of the same run comes after {before}")
        stepped_ms = sum(event["milliseconds"] for event in sample.events if event["kind"] == "clock")
        # The time that really passed, which uptime has in hundredths of a second, is that of the ticks.
        if abs(passed_ms - stepped_ms - (sample.uptime_ms - before.uptime_ms)) > TRUE_MS:
            wrong.append(f"from {before} to {sample} another time passed than the machine says")
    return wrong


def late_ticks(taken: list[Sample]) -> list[int]:
    return [event["ticks"] for sample in taken for event in sample.events if event["kind"] == "late"]

"""A disk that takes a sample and never comes back from it, as a dead mount does: a pipe that is full and not read."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HANGING_SECONDS = 44


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[int]:
    os.mkfifo(tmp_path / "recording.json")
    descriptor = os.open(tmp_path / "recording.json", os.O_RDONLY | os.O_NONBLOCK)
    yield descriptor
    os.close(descriptor)


def started(folder: Path) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "appliance", "collect", "--mode", "local", "--interval", "200ms"]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen([*program, "-o", folder / "recording.json", "--state", folder], stderr=said)


def status(folder: Path) -> tuple[str, Any]:
    program = [sys.executable, "-m", "appliance", "status", "--state", folder]
    texts = [subprocess.check_output([*program, *more], text=True) for more in ([], ["--json"])]
    return texts[0], json.loads(texts[1])[0]["hangs_since"]


def drained(pipe: int, seconds: float) -> bytes:
    """Read what comes for so long."""
    read, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            read += os.read(pipe, 1 << 20)
        except BlockingIOError:
            time.sleep(0.05)
    return read


def test_a_disk_that_hangs_is_said_and_the_recording_goes_on_when_it_answers(pipe: int, tmp_path: Path) -> None:
    collector = started(tmp_path)
    time.sleep(HANGING_SECONDS)
    shown, since = status(tmp_path)

    recorded = drained(pipe, 5)
    collector.send_signal(signal.SIGTERM)
    recorded += drained(pipe, 3)
    code, said = collector.wait(10), (tmp_path / "said").read_text()

    records = [json.loads(line) for line in recorded.splitlines()]
    events = [json.loads(each["measurement"]) for each in records if each["subsystem"] == "perfanalysis[event]"]
    print(f"{events[0]} after {HANGING_SECONDS} s; {shown.splitlines()[2].strip()}")
    assert code == 0
    assert "A sample cannot be written: the disk does not answer." in said
    assert "HANGS" in shown
    assert time.time() - since > HANGING_SECONDS / 2
    assert events[0]["kind"] == "late"
    assert events[0]["ticks"] > 100


def test_a_collector_whose_disk_hangs_ends_when_it_is_told_to(pipe: int, tmp_path: Path) -> None:
    collector = started(tmp_path)
    time.sleep(HANGING_SECONDS / 3)
    collector.send_signal(signal.SIGTERM)
    code, said = collector.wait(10), (tmp_path / "said").read_text()

    assert code == 74
    assert said.endswith(
        "perfanalysis: stopped while the disk did not answer: the last sample is not written, or not whole.\n"
    )


def test_control_a_disk_that_answers_does_not_hang(pipe: int, tmp_path: Path) -> None:
    collector = started(tmp_path)
    recorded = drained(pipe, HANGING_SECONDS)
    shown, since = status(tmp_path)
    collector.send_signal(signal.SIGTERM)
    drained(pipe, 3)
    collector.wait(10)

    assert recorded
    assert "HANGS" not in shown
    assert since is None

"""Five hundred steps of the clock while a real recorder records, and a recorder that is frozen."""

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from stepped_clock import (
    INTERVAL_MS,
    ONE_NUMBER,
    PATIENCE_SECONDS,
    Following,
    Stepped,
    late_ticks,
    needs_faketime,
    recorder,
    samples_of,
    stepped,
    troubles,
)

STEPS = 500
FROZEN_SECONDS = 20


@needs_faketime
def test_five_hundred_steps_of_the_clock_harm_no_sample(tmp_path: Path, environment: dict[str, str]) -> None:
    found = stepped(tmp_path, environment, STEPS, seed=1)

    assert troubles(found) == []
    assert len(samples_of(found.recording)) > STEPS


@needs_faketime
def test_control_without_numbers_of_runs_the_steps_do_harm(tmp_path: Path, environment: dict[str, str]) -> None:
    found = stepped(tmp_path, environment, 50, seed=1, before=ONE_NUMBER)

    assert any("same run" in trouble for trouble in troubles(found))


class Freezer:
    """A control group whose processes can be frozen, of version 1 or 2."""

    def __init__(self, folder: Path, file: str, frozen: str, thawed: str) -> None:
        self.folder, self.file, self.frozen, self.thawed = folder, folder / file, frozen, thawed

    def take(self, pid: int) -> None:
        (self.folder / "cgroup.procs").write_text(f"{pid}\n")


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    name = f"perfanalysis-test-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    if (root / "freezer").is_dir():
        found = Freezer(root / "freezer" / name, "freezer.state", "FROZEN", "THAWED")
    else:
        found = Freezer(root / name, "cgroup.freeze", "1", "0")
    try:
        found.folder.mkdir()
    except OSError as error:
        pytest.skip(f"needs a control group that freezes: {error}")
    if not found.file.exists():
        found.folder.rmdir()
        pytest.skip("needs a control group that freezes")
    yield found
    found.file.write_text(found.thawed)
    for _ in range(100):
        if not (found.folder / "cgroup.procs").read_text():
            break
        time.sleep(0.1)
    found.folder.rmdir()


def test_a_recorder_that_was_frozen_leaves_one_gap_and_no_bunch(
    tmp_path: Path, environment: dict[str, str], freezer: Freezer
) -> None:
    with recorder(tmp_path, environment) as process:
        following = Following(tmp_path / "r.json")
        following.wait_for(samples=10)
        freezer.take(process.pid)
        freezer.file.write_text(freezer.frozen)
        time.sleep(FROZEN_SECONDS)
        freezer.file.write_text(freezer.thawed)
        following.wait_for(samples=following.samples + 20)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0, errors
    taken = samples_of(tmp_path / "r.json")
    passed = [sample.at_ms - before.at_ms for before, sample in pairwise(taken)]
    (gap,) = [milliseconds for milliseconds in passed if milliseconds > FROZEN_SECONDS * 500]
    assert gap >= FROZEN_SECONDS * 1000 - INTERVAL_MS
    assert min(passed) >= INTERVAL_MS
    assert gap // INTERVAL_MS - 1 in late_ticks(taken)
    # That time did not pass unseen: the machine's own clock says the same.
    assert troubles(Stepped([], tmp_path / "r.json", errors, process.returncode)) == []
    assert "does not answer" not in errors

"""Backups, restores, imports and erasures: killed, refused by the disk and spoilt at every place, not at samples."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from changes import ACTIONS, KILL, Action, Case, Finishing
from copies import backing_up, by_cp, look, look_for_rests, under_commits, unseen_flips
from flips import fill_pages
from flips import unseen_flips as unseen_flips_of_a_tenant
from injected import Point, sweep
from keeping import fill

from appliance.errors import InputOutput
from appliance.store import archive, backup, verify

CALLS = ("openat", "pwrite64", "write", "fsync", "rename", "unlink", "unlinkat", "mkdir", "rmdir", "ftruncate")
"""Every call by which these change something on the disk; `openat` makes files too."""
ERRORS = ("error=EIO", "error=ENOSPC")
SEED = 20_261_125


def told(points: list[Point]) -> None:
    print(f"{len(points)} places", dict(Counter((point.left, point.ended.partition(":")[0]) for point in points)))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_at_any_call_leaves_before_or_after(tmp_path: Path, action: Action, call: str) -> None:
    points = Case(tmp_path, action).sweep(tmp_path, call, KILL)

    told(points)
    assert {point.left for point in points} <= {"before", "after"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_second_kill_while_it_is_finished_still_comes_to_the_end(tmp_path: Path, action: Action, call: str) -> None:
    points = Finishing(tmp_path, action).sweep(tmp_path, call, KILL)

    told(points)
    assert {point.left for point in points} <= {"after"}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_error_at_any_call_leaves_before_or_after_and_a_sentence(
    tmp_path: Path, action: Action, call: str, error: str
) -> None:
    points = Case(tmp_path, action).sweep(tmp_path, call, error)

    told(points)
    assert {point.left for point in points} <= {"before", "after"}
    assert [point for point in points if not point.ended.startswith(("refused: ", "done"))] == []
    # What says that nothing was changed has changed nothing.
    assert [point for point in points if "othing was changed" in point.ended and point.left != "before"] == []
    assert [point for point in points if point.ended == "done" and point.left != "after"] == []


@pytest.fixture
def filled(data: Path) -> Path:
    fill(data, "team-a", 1, 2, 3)
    fill(data, "team-b", 4)
    return data


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_leaves_no_half_of_a_backup(filled: Path, tmp_path: Path, call: str) -> None:
    points = sweep(backing_up(filled), look, call, KILL, tmp_path / "places")

    told(points)
    assert {point.left for point in points} <= {"none", "whole"}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ("openat", "pwrite64", "write", "fsync", "rename", "mkdir", "ftruncate"))
def test_an_error_at_any_call_leaves_a_whole_backup_or_nothing(
    filled: Path, tmp_path: Path, call: str, error: str
) -> None:
    # Where it is the removing of the rests that finds an error, the next backup removes them.
    found = look if call == "openat" else look_for_rests
    points = sweep(backing_up(filled), found, call, error, tmp_path / "places")

    told(points)
    assert {point.left for point in points} <= {"none", "whole"}
    assert [point for point in points if not point.ended.startswith(("refused: ", "done"))] == []
    assert [point for point in points if (point.ended == "done") and point.left != "whole"] == []


def test_100_backups_under_commits_are_of_one_state_each(data: Path, tmp_path: Path) -> None:
    good, committed = under_commits(data, tmp_path, 100)

    print(f"100 backups while {committed} batches were committed")
    assert good == 100


def test_control_copies_of_the_file_alone_are_not(data: Path, tmp_path: Path) -> None:
    good, _ = under_commits(data, tmp_path, 100, by_cp)

    assert good < 50


def test_none_of_5000_flipped_bits_of_a_backup_goes_unseen(filled: Path, tmp_path: Path) -> None:
    assert unseen_flips(filled, tmp_path, 5000, SEED) == 0


def test_control_without_the_checksum_they_do(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "check", lambda *_: None)

    assert unseen_flips(filled, tmp_path, 500, SEED) > 250


def test_none_of_3000_flipped_bits_that_change_samples_goes_unseen(data: Path) -> None:
    assert unseen_flips_of_a_tenant(fill_pages(data), 3000, SEED) == []


def test_control_without_the_digests_they_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "fault", lambda *_: None)

    assert len(unseen_flips_of_a_tenant(fill_pages(data), 300, SEED)) > 50


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs to mount a tmpfs: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_backup_onto_a_full_disk_leaves_nothing_there(filled: Path, small_disk: Path) -> None:
    (small_disk / "old").write_bytes(bytes(30_000))

    with pytest.raises(InputOutput, match=r"cannot be written.*Free space there"):
        backup.back_up(filled, small_disk)

    assert [path.name for path in small_disk.iterdir()] == ["old"]

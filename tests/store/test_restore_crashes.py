"""A restore, an import or an erasure that is cut short leaves what was before or what is after, never between."""

from pathlib import Path

import pytest
from changes import ACTIONS, KILL, Action, Case, of_all

from appliance.store import change


@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_leaves_before_or_after(tmp_path: Path, action: Action) -> None:
    case = Case(tmp_path, action)

    points = [*case.sweep(tmp_path / "a", "rename", KILL), *case.sweep(tmp_path / "b", "fsync", KILL, 5)]

    assert {point.ended for point in points} == {"killed"}
    assert {point.left for point in points} == {"before", "after"}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_disk_that_is_full_leaves_before_or_after_and_a_sentence(tmp_path: Path, action: Action) -> None:
    case = Case(tmp_path, action)

    points = case.sweep(tmp_path, "pwrite64", "error=ENOSPC", 11)

    assert {point.left for point in points} <= {"before", "after"}
    assert [point for point in points if not point.ended.startswith(("refused", "done"))] == []


def test_control_without_a_decision_there_is_a_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def straight(folder: Path, decided: change.Change) -> None:
        change.make(folder, decided)
        change.remove(folder / decided.staging)

    case = Case(tmp_path, of_all)
    monkeypatch.setattr(change, "decide", straight)

    points = case.sweep(tmp_path, "rename", KILL)

    assert any(point.left.startswith("between") for point in points)

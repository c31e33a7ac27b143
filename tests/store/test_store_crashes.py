"""The store is cut short at some of its writes: what was acknowledged is there, once, and nothing else."""

from pathlib import Path

import pytest
from cut_short import CASES, Case, Ingest


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("what", "step"), [("signal=KILL", 7), ("error=ENOSPC", 13)])
def test_cut_short_at_a_write_the_store_is_before_or_after(
    tmp_path: Path, case: type[Case], what: str, step: int
) -> None:
    points = case(tmp_path).sweep(tmp_path, "pwrite64", what, step)

    assert {point.left for point in points} <= {"kept", "whole"}
    assert [point for point in points if not point.ended.startswith(("killed", "refused", "done"))] == []


def test_control_what_was_acknowledged_too_early_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ingest, "early", True)

    points = Ingest(tmp_path).sweep(tmp_path, "pwrite64", "signal=KILL", 3)

    assert "lost" in {point.left for point in points}

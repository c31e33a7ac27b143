"""What was acknowledged is there after a power cut; `make faults` cuts it more often."""

from pathlib import Path

import pytest
from power_cut import FULL, NORMAL, disk, lost


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_what_was_acknowledged_is_there_after_a_power_cut(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        acknowledged, missing = lost(on, 2, FULL, seed=1)

    assert acknowledged
    assert missing == 0


def test_control_without_a_flush_for_each_commit_it_is_lost(tmp_path: Path) -> None:
    with disk(tmp_path, "ext4") as on:
        # Where a cut comes between two flushes of the system nothing is missing, which is chance.
        assert any(lost(on, 2, NORMAL, seed=seed)[1] for seed in range(2, 8))

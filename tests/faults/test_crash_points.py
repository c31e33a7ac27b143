"""The spool is killed at each of its system calls: what it promised to keep is there."""

import signal
from pathlib import Path

import pytest
from crash_points import lost, spool_under

CALLS = {
    "write": 1, "fdatasync": 1, "fsync": 1, "rename": 1, "unlink": 1, "mkdir": 1, "flock": 1,
    # Most of these are of Python, which loads its modules.
    "openat": 7, "close": 7, "newfstatat": 13,
}  # fmt: skip
"""System calls, and which of them to kill at: every one, or one of so many."""


def sweep(folder: Path, call: str, step: int, order: str = "after") -> tuple[int, list[int]]:
    """Kill at one call after the other; return how often the spool was in use, and where samples were lost."""
    points, losing = 0, []
    at = 1
    while (code := spool_under(place := folder / f"{at}", f"{call}:signal=KILL:when={at}", order)) != 0:
        assert code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        if (place / "notes").exists():
            points += 1
            if lost(place):
                losing.append(at)
        at += step
    return points, losing


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_system_call_loses_nothing(tmp_path: Path, call: str) -> None:
    points, losing = sweep(tmp_path, call, CALLS[call])

    print(f"{points} places to be killed at")
    assert losing == []


def test_control_what_was_promised_too_early_is_lost(tmp_path: Path) -> None:
    _, losing = sweep(tmp_path, "write", 3, "before")

    assert losing

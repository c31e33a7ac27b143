"""Who may work on a data folder while a receiver runs on it: readers, and short changes of the registry."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store.claim import claimed

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
ROWS = (
    "machine_id,timestamp,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "web-1,1767225600,1.5,0.5,98.0,0.0,1000,500,700\n"
)


@pytest.fixture
def filled(data: Path, tmp_path: Path, run_program: RunProgram) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    done = run_program("import", "rows.csv", "--data", data)
    assert done.returncode == 0, done.stderr
    return data


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--listen", "127.0.0.1:0"],
        ["run", "--duration", "2s"],
        ["import", "rows.csv"],
        ["import", "--watch", "."],
    ],
)
def test_a_second_writer_is_refused_with_the_first_ones_process(
    filled: Path, run_program: RunProgram, arguments: list[str]
) -> None:
    with claimed(filled, "perfanalysis serve"):
        done = run_program(*arguments, "--data", filled)

    assert done.returncode == 73
    assert "is in use by process" in done.stderr
    assert "(perfanalysis serve): stop that first" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "--output", "site"],
        ["export", "--machine-id", "web-1", "--output", "out.csv"],
        ["machine", "list"],
        ["machine", "rename", "web-1", "Web"],
        ["tenant", "list"],
        ["tenant", "create", "team-b"],
        ["key", "create"],
        ["key", "list"],
    ],
)
def test_readers_and_short_changes_go_on(filled: Path, run_program: RunProgram, arguments: list[str]) -> None:
    with claimed(filled, "perfanalysis serve"):
        done = run_program(*arguments, "--data", filled)

    assert done.returncode == 0, done.stderr

"""`tenant set` and `tenant trim`: how long and how much a tenant keeps, as a person says and sees it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store.claim import claimed
from appliance.store.registry import Registry

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
HEAD = "machine_id,timestamp,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
DAY = 86_400


@pytest.fixture
def made(data: Path) -> Path:
    with Registry(data) as registry:
        registry.create_tenant("team-a")
    return data


def test_what_is_set_is_shown_and_what_is_not_named_stays(made: Path, run_program: RunProgram) -> None:
    first = run_program("tenant", "set", "team-a", "--keep", "400d", "--quota", "10GB", "--data", made)
    second = run_program("tenant", "set", "team-a", "--keep-size", "8GB", "--data", made)

    assert first.stderr == "Tenant team-a keeps 400d; quota: 10.0 GB.\n"
    assert second.stderr == "Tenant team-a keeps 400d, at most 8.0 GB; quota: 10.0 GB.\n"
    shown = run_program("tenant", "show", "--data", made).stdout
    assert "keeps     400d, at most 8.0 GB\n" in shown
    assert "quota     10.0 GB\n" in shown
    (told,) = json.loads(run_program("tenant", "list", "--json", "--data", made).stdout)
    assert (told["keep_days"], told["keep_bytes"], told["quota_bytes"]) == (400, 8_000_000_000, 10_000_000_000)


def test_limits_are_taken_away_again(made: Path, run_program: RunProgram) -> None:
    run_program("tenant", "set", "team-a", "--keep", "400d", "--keep-size", "1GB", "--quota", "10GB", "--data", made)

    done = run_program(
        "tenant", "set", "team-a", "--keep", "forever", "--keep-size", "all", "--quota", "none", "--data", made
    )

    assert done.stderr == "Tenant team-a keeps everything; quota: none.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to set: --keep, --keep-size or --quota."),
        (["--keep", "0"], "say forever for no limit"),
        (["--keep", "5m"], "--keep is less than an hour: nothing would stay."),
        (["--keep", "long"], "is not a duration"),
        (["--quota", "0"], "say none for no limit"),
        (["--keep-size", "big"], "is not a size"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    made: Path, run_program: RunProgram, arguments: list[str], sentence: str
) -> None:
    done = run_program("tenant", "set", "team-a", *arguments, "--data", made)

    assert (done.returncode, done.stderr.count("\n")) == (64, 1)
    assert sentence in done.stderr


def test_a_tenant_that_is_not_there_is_told(made: Path, run_program: RunProgram) -> None:
    done = run_program("tenant", "set", "team-x", "--keep", "1d", "--data", made)

    assert done.returncode == 66
    assert "there is no tenant 'team-x'" in done.stderr


def test_trim_removes_what_is_old(made: Path, tmp_path: Path, run_program: RunProgram) -> None:
    rows = [f"web-1,{1_767_225_600 + day * DAY},1.5,0.5,98.0,0.0,1000,500,700\n" for day in range(5)]
    (tmp_path / "rows.csv").write_text(HEAD + "".join(rows))
    assert run_program("import", "rows.csv", "--data", made).returncode == 0
    run_program("tenant", "set", "team-a", "--keep", "7d", "--data", made)

    done = run_program("tenant", "trim", "--data", made)

    assert done.returncode == 0
    assert done.stdout.startswith("team-a: ")
    assert done.stdout.endswith(" blocks removed.\n")
    (told,) = json.loads(run_program("machine", "list", "--json", "--data", made).stdout)
    assert told["samples"] == 0


def test_trim_leaves_it_to_a_receiver_that_runs(made: Path, run_program: RunProgram) -> None:
    with claimed(made, "perfanalysis serve"):
        done = run_program("tenant", "trim", "--data", made)

    assert done.returncode == 73
    assert "(perfanalysis serve)" in done.stderr
    assert "A receiver removes by itself what is not kept." in done.stderr

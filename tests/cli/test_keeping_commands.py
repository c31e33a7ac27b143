"""backup, restore, verify and tenant erase|export|import, as a person types them."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli import run_command

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
ROWS = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,web-1,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
    "1704067260,web-1,26.1,10.5,59.4,4.0,16777216,8355840,12550144\n"
)


@pytest.fixture
def filled(data: Path, tmp_path: Path) -> Path:
    """A data folder of two tenants; made in this process, which starts no other six."""
    (tmp_path / "web-1.csv").write_text(ROWS)
    for name in ("team-a", "team-b"):
        of = ["--tenant", name, "--data", str(data)]
        assert run_command(["tenant", "create", name, "--data", str(data)], "perfanalysis") == 0
        assert run_command(["key", "create", *of], "perfanalysis") == 0
        assert run_command(["import", *of, str(tmp_path / "web-1.csv")], "perfanalysis") == 0
    return data


def spoil(data: Path) -> None:
    """Change a stored value of the first tenant that has one."""
    path = min(data.glob("tenants/*/data.sqlite"))
    opened = sqlite3.connect(path)
    opened.execute("UPDATE block SET checksum = zeroblob(8) WHERE id = 1")
    opened.commit()
    opened.close()


def test_a_backup_is_made_and_restored(run_program: RunProgram, filled: Path, tmp_path: Path) -> None:
    made = run_program("backup", "--data", filled, "--output", "backup.tar")
    again = run_program("backup", "--data", filled, "--output", "backup.tar")
    there = run_program("restore", "backup.tar", "--data", filled)
    restored = run_program("restore", "backup.tar", "--data", "new")
    machines = run_program("machine", "list", "--data", "new", "--tenant", "team-b")

    assert made.returncode == 0
    assert made.stdout.startswith("backup.tar: ")
    assert "2 tenants, " in made.stdout
    assert "every one verified" in made.stdout
    assert (again.returncode, again.stdout) == (73, "")
    assert "backup.tar is there already and stays as it is" in again.stderr
    assert there.returncode == 73
    assert "--replace puts the backup in the place of all of it" in there.stderr
    assert restored.returncode == 0
    assert "into new: team-a, team-b; " in restored.stdout
    assert "web-1" in machines.stdout


def test_programs_read_json(run_program: RunProgram, filled: Path) -> None:
    made = json.loads(run_program("backup", "--data", filled, "--output", "backup.tar", "--json").stdout)
    restored = json.loads(run_program("restore", "backup.tar", "--data", "new", "--json").stdout)
    verified = json.loads(run_program("verify", "--data", "new", "--json").stdout)
    exported = json.loads(run_program("tenant", "export", "team-a", "--data", filled, "--output", "a", "--json").stdout)
    imported = json.loads(run_program("tenant", "import", "a", "--data", "new", "--as", "team-c", "--json").stdout)

    assert made["bytes"] > 10_000
    assert [kept["name"] for kept in made["tenants"]] == ["team-a", "team-b"]
    assert [kept["name"] for kept in restored["tenants"]] == ["team-a", "team-b"]
    assert verified["whole"] is True
    assert [found["damages"] for found in verified["tenants"]] == [[], []]
    assert exported["registry"] is None
    assert imported["tenant"] == "team-c"


def test_what_is_damaged_is_named_with_what_to_type(run_program: RunProgram, filled: Path) -> None:
    whole = run_program("verify", "--data", filled)
    spoil(filled)
    damaged = run_program("verify", "--data", filled)
    listed = run_program("verify", "--data", filled, "--json")
    made = run_program("backup", "--data", filled, "--output", "backup.tar")

    assert (whole.returncode, whole.stderr) == (0, "")
    assert [line.split()[-1] for line in whole.stdout.splitlines()] == ["state", "whole", "whole"]
    assert damaged.returncode == listed.returncode == made.returncode == 65
    told, advice = damaged.stderr.splitlines()
    assert "machine web-1, " in told
    assert "2024-01-01 00:00:00Z to 2024-01-01 00:01:00Z: its values are not those that were stored." in told
    assert "perfanalysis restore BACKUP --tenant team-" in advice
    assert json.loads(listed.stdout)["whole"] is False
    assert made.stderr.startswith("Left out: tenant 'team-")


def test_a_tenant_is_erased_by_who_types_its_name(
    run_program: RunProgram, filled: Path, environment: dict[str, str]
) -> None:
    def erase(answer: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "appliance", "tenant", "erase", "team-a", "--data", str(filled)],
            env=environment, input=answer, capture_output=True, text=True, check=False,
        )  # fmt: skip

    refused = [erase(answer) for answer in ("", "yes\n", "team-b\n")]
    listed = run_program("tenant", "list", "--data", filled).stdout
    erased = erase("team-a\n")
    unasked = run_program("tenant", "erase", "team-b", "--yes", "--data", filled)

    assert [done.returncode for done in refused] == [64, 64, 64]
    assert all("nothing was erased" in done.stderr for done in refused)
    assert "team-a" in listed
    assert erased.returncode == unasked.returncode == 0
    assert "Backups and exports that were made of it still have it." in erased.stderr
    assert b"team-a" not in (filled / "registry.sqlite").read_bytes()


def test_a_tenant_moves_to_another_folder(run_program: RunProgram, filled: Path) -> None:
    run_program("tenant", "export", "team-a", "--data", filled, "--output", "team-a.tar")

    moved = run_program("tenant", "import", "team-a.tar", "--data", "other")
    again = run_program("tenant", "import", "team-a.tar", "--data", "other")
    before, after = (
        run_program("export", "--data", folder, "--tenant", "team-a").stdout for folder in (filled, "other")
    )

    assert moved.returncode == 0
    assert "Make a key for it: perfanalysis key create --tenant team-a --data other" in moved.stderr
    assert again.returncode == 73
    assert "is there already and stays as it is: --as NAME" in again.stderr
    assert before == after != ""


def test_what_cannot_be_read_is_not_counted_as_nothing(run_program: RunProgram, filled: Path) -> None:
    path = min(filled.glob("tenants/*/data.sqlite"))
    path.write_bytes(b"rubbish" * 1000)
    path.with_name("data.sqlite-wal").unlink(missing_ok=True)

    shown = run_program("verify", "--data", filled)
    listed = json.loads(run_program("verify", "--data", filled, "--json").stdout)

    assert [line.split()[1:] for line in shown.stdout.splitlines() if "damaged" in line] == [["?", "?", "?", "damaged"]]
    damaged = [tenant for tenant in listed["tenants"] if tenant["damages"]]
    assert [(tenant["machines"], tenant["blocks"], tenant["batches"]) for tenant in damaged] == [(None, None, None)]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["backup", "--output", "x"], 66, "is no data folder of perfanalysis"),
        (["backup"], 64, "Missing option '--output'"),
        (["restore", "nothing.tar"], 66, "nothing.tar cannot be read: No such file or directory"),
        (["restore", "web-1.csv"], 65, "web-1.csv is no backup or export of perfanalysis"),
        (["restore", "."], 66, "cannot be read: Is a directory"),
        (["verify"], 66, "is no data folder of perfanalysis"),
        (["tenant", "erase", "team-a", "--yes"], 66, "is no data folder of perfanalysis"),
        (["tenant", "export", "team-a", "--output", "x"], 66, "is no data folder of perfanalysis"),
        (["tenant", "import", "web-1.csv"], 65, "web-1.csv is no backup or export of perfanalysis"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    run_program: RunProgram, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "web-1.csv").write_text(ROWS)

    done = run_program(*arguments, "--data", "nowhere")

    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", ["erase", "export", "import"])
def test_the_commands_for_tenants_explain_themselves(run_program: RunProgram, command: str) -> None:
    said = run_program("tenant", command, "--help").stdout

    assert len(said.splitlines()) <= 24
    assert "Example: perfanalysis tenant" in said

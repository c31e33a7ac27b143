"""The command line as a whole: help, errors as one sentence, exit codes, and the small commands."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import __version__
from appliance.cli import COMMANDS

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
NAMES = [name for name, _, _ in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself_on_one_screen_with_an_example(run_program: RunProgram, name: str) -> None:
    done = run_program(name, "--help")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= (72 if name == "collect" else 40)
    assert name == "version" or "Example" in done.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["version"]])
def test_the_version_is_told(run_program: RunProgram, arguments: list[str]) -> None:
    assert run_program(*arguments).stdout == f"perfanalysis {__version__}\n"


@pytest.mark.parametrize(("program", "explained"), [("pcc", "Record"), ("pcd", "Receive"), ("pcprocess", "recording")])
def test_the_original_names_are_commands(tmp_path: Path, program: str, explained: str) -> None:
    link = tmp_path / program
    link.symlink_to(Path(sys.executable).parent / "perfanalysis")

    done = subprocess.run([link, "-h"], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {program} [OPTIONS]")
    assert explained in done.stdout


@pytest.mark.parametrize("arguments", [[], ["tenant"], ["key"], ["machine"]])
def test_a_name_alone_shows_the_help_and_is_a_usage_error(run_program: RunProgram, arguments: list[str]) -> None:
    alone, helped = run_program(*arguments), run_program(*arguments, "--help")

    assert alone.returncode == 64
    assert alone.stderr == helped.stdout
    assert "\nCommands:\n" in alone.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["fly"], 64, "No such command 'fly'"),
        (["tenant", "create"], 64, "Missing argument 'NAME'"),
        (["machine", "list", "--data", "nowhere"], 66, "nowhere is no data folder of perfanalysis"),
        (["tenant", "create", "../x"], 64, "is not a tenant's name"),
        (["tenant", "create", "a", "--data", "/proc/none"], 74, "/proc/none"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    run_program: RunProgram, arguments: list[str], code: int, sentence: str
) -> None:
    done = run_program(*arguments)

    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_key_is_printed_alone_and_never_again(run_program: RunProgram, data: Path) -> None:
    run_program("tenant", "create", "team-a", "--data", data)

    key = run_program("key", "create", "--data", data).stdout
    listed = run_program("key", "list", env={"PERFANALYSIS_DATA": str(data)}).stdout

    assert re.fullmatch(r"pa1_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}\n", key)
    assert key.split("_")[1] in listed
    assert key.split("_")[2] not in listed
    assert [line.split()[0] for line in run_program("tenant", "list", "--data", data).stdout.splitlines()] == [
        "tenant",
        "team-a",
    ]
    assert run_program("key", "revoke", key.split("_")[1], "--data", data).returncode == 0
    assert run_program("key", "revoke", key.split("_")[1], "--data", data).returncode == 66


def test_output_that_nobody_reads_is_no_error(run_program: RunProgram, data: Path) -> None:
    run_program("tenant", "create", "a", "--data", data)

    piped = subprocess.run(
        f"{sys.executable} -m appliance key list --data {data} | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert piped.stderr == ""

"""`run`: from nothing to a report in one command, and no child outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start `run` and go on; it is ended as its user would end it."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "run", *map(str, arguments)],
            env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # A shell that starts tests in the background lets all that they start ignore SIGINT.
            text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def children(pid: int) -> dict[str, int]:
    """The running children of a process, by command."""
    found = {}
    for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if b"appliance" in words:
            found[words[words.index(b"appliance") + 1].decode()] = int(number)
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def samples(data: Path) -> int:
    with TenantStore(data, "default", read_only=True) as store:
        return sum(machine.samples for machine in history.machines(store))


def test_one_command_makes_a_report_from_nothing(run_program: RunProgram, data: Path, tmp_path: Path) -> None:
    done = run_program("run", "--duration", "5s", "--data", data, "--output", "site")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/site/index.html\n"
    page = (tmp_path / "site" / "index.html").read_text()
    assert os.uname().nodename in page or Path("/etc/machine-id").read_text().strip() in page
    assert samples(data) == 6
    assert "Recording this machine for 5s, every 1s." in done.stderr
    assert "6 samples, all stored by http://127.0.0.1:" in done.stderr


def test_its_key_is_revoked_and_nowhere_stored(run_program: RunProgram, data: Path) -> None:
    run_program("run", "--duration", "1s", "--data", data)

    (key,) = Registry(data, read_only=True).keys()
    assert key["revoked_ms"] is not None
    assert key["scopes"] == "write"


def test_a_second_run_adds_to_the_first(run_program: RunProgram, data: Path) -> None:
    first = run_program("run", "--duration", "1s", "--data", data)
    second = run_program("run", "--duration", "1s", "--data", data)

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout
    assert samples(data) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_stopped_early_it_writes_the_report_of_what_there_is(start: Start, data: Path, number: int) -> None:
    process = start("--duration", "0", "--data", data, "--interval", "100ms")
    until(lambda: "collect" in children(process.pid))
    time.sleep(1.5)

    process.send_signal(number)
    page, said = process.communicate(timeout=30)

    assert process.returncode == 0, said
    assert Path(page.strip()).is_file()
    assert samples(data) >= 5
    assert "Recording this machine until Ctrl-C" in said


def test_no_child_outlives_it_not_even_when_it_is_killed(start: Start, data: Path) -> None:
    process = start("--duration", "0", "--data", data)
    until(lambda: {"serve", "collect"} <= children(process.pid).keys())
    found = children(process.pid)

    process.kill()

    until(lambda: not runs(found["serve"]))
    # The collector may try for half a minute to send what it has; being told again it ends at once.
    if runs(found["collect"]):
        os.kill(found["collect"], signal.SIGTERM)
    until(lambda: not runs(found["collect"]))


@pytest.mark.parametrize(("command", "name"), [("serve", "receiver"), ("collect", "collector")])
def test_a_role_that_dies_ends_all_with_a_sentence(start: Start, data: Path, command: str, name: str) -> None:
    process = start("--duration", "0", "--data", data)
    until(lambda: {"serve", "collect"} <= children(process.pid).keys())
    found = children(process.pid)

    os.kill(found[command], signal.SIGKILL)
    page, said = process.communicate(timeout=60)

    assert process.returncode == 70
    assert page == ""
    assert said.splitlines()[-1] == f"perfanalysis: the {name}: signal 9 ended it."
    assert not any(runs(pid) for pid in found.values())


def test_a_port_in_use_is_said_in_the_words_of_the_receiver(run_program: RunProgram, data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = run_program("run", "--duration", "1s", "--data", data, "--listen", f"127.0.0.1:{port}")

    assert done.returncode == 73
    assert f"the receiver: 127.0.0.1:{port} is in use" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--interval", "0"], 64, "'--interval': the shortest interval is 10ms."),
        (["--duration", "soon"], 64, "'--duration': 'soon' is not a duration"),
        (["--duration", "1s", "--interval", "5s"], 64, "'--duration': it is shorter than the interval."),
        (["--data", "/proc/none"], 74, "/proc/none"),
        (["--tenant", "nobody"], 66, "there is no tenant 'nobody'"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_an_exit_code(
    run_program: RunProgram, arguments: list[str], code: int, sentence: str
) -> None:
    done = run_program("run", *arguments)

    assert done.returncode == code
    assert sentence in done.stderr.splitlines()[-1]

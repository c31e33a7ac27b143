"""`import --watch`: what is dropped is imported once, moved to done/ or failed/, and told why; whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.store import history
from appliance.store.tenant import TenantStore

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
Watcher = Callable[[], subprocess.Popen[bytes]]
HEADER = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
FIRST = "1704067200,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
PATIENCE_SECONDS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "incoming"
    path.mkdir()
    return path


@pytest.fixture
def start(environment: dict[str, str], data: Path, folder: Path) -> Iterator[Watcher]:
    """Start a watcher; those that still run are ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "appliance", "import", "--watch", str(folder), "--data", str(data)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@contextmanager
def watched(start: Watcher) -> Iterator[subprocess.Popen[bytes]]:
    process = start()
    assert process.stderr is not None
    process.stderr.readline()
    yield process
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0


def drop(folder: Path, name: str, content: str | bytes) -> None:
    """Move a file in, as old as one that was written long ago."""
    path = folder.parent / f".{name}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (1_704_067_200, 1_704_067_200))
    path.rename(folder / name)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def stored(data: Path) -> dict[str, int]:
    with TenantStore(data, "default", read_only=True) as store:
        return {machine.machine_id: machine.samples for machine in history.machines(store)}


def test_what_is_dropped_is_imported_and_moved_with_a_text_that_says_why(
    start: Watcher, folder: Path, data: Path, recordings: Path
) -> None:
    recording = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes()

    with watched(start):
        drop(folder, "good.csv", HEADER + FIRST)
        drop(folder, "bad.csv", HEADER + FIRST.replace("25.5", "x"))
        drop(folder, "host.json", recording)
        drop(folder, "web-1.json", recording)
        wait_for(lambda: len(list(folder.glob("*/*.txt"))) == 4 and not list(folder.glob("[!.]*.*")))

    assert stored(data) == {"server01": 1, "web-1": 18}
    assert (folder / "done" / "good.csv").read_text() == HEADER + FIRST
    assert "1 row of server01: 1 new, 0 known already." in (folder / "done" / "good.csv.txt").read_text()
    assert "Line 2, column cpu_user: 'x' is not a number." in (folder / "failed" / "bad.csv.txt").read_text()
    assert "does not say which machine it is of" in (folder / "failed" / "host.json.txt").read_text()


def test_a_folder_is_moved_as_one_and_a_name_that_is_taken_gets_a_number(
    start: Watcher, folder: Path, data: Path
) -> None:
    for _ in range(2):
        stick = folder.parent / "stick"
        stick.mkdir()
        drop(stick, "a.csv", HEADER + FIRST)
        os.utime(stick, (1_704_067_200, 1_704_067_200))

        with watched(start):
            stick.rename(folder / "stick")
            wait_for(lambda: not (folder / "stick").exists())

    assert stored(data) == {"server01": 1}
    assert (folder / "done" / "stick.2" / "a.csv").exists()
    assert "0 new, 1 known already." in (folder / "done" / "stick.2.txt").read_text()


def test_a_file_that_is_being_written_is_left_until_it_is_whole(start: Watcher, folder: Path, data: Path) -> None:
    with watched(start):
        with (folder / "slow.csv").open("w") as stream:
            stream.write(HEADER + FIRST)
            stream.flush()
            os.utime(folder / "slow.csv", (1_704_067_200, 1_704_067_200))
            drop(folder, "other.csv", HEADER + FIRST.replace("server01", "server02"))
            wait_for((folder / "done" / "other.csv").exists)
            left = (folder / "slow.csv").exists()
            stream.write(FIRST.replace("7200", "7260"))
        wait_for((folder / "done" / "slow.csv").exists)

    assert left
    assert stored(data) == {"server01": 2, "server02": 1}


def test_a_second_watcher_is_refused(start: Watcher, run_program: RunProgram, folder: Path, data: Path) -> None:
    with watched(start):
        second = run_program("import", "--watch", folder, "--data", data)

    assert second.returncode == 73
    assert f"{folder} is watched by another process already" in second.stderr


def test_nothing_is_lost_or_doubled_when_it_is_killed(start: Watcher, folder: Path, data: Path) -> None:
    for number in range(60):
        drop(folder, f"{number:02d}.csv", HEADER + FIRST.replace("1704067200", str(1704067200 + 60 * number)))
    done = folder / "done"

    for kills in range(4):
        process = start()
        wait_for(lambda: done.is_dir() and len(list(done.glob("*.csv"))) >= 10 * (kills + 1))  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.wait()
    with watched(start):
        wait_for(lambda: len(list(done.glob("*.csv"))) == 60)

    assert stored(data) == {"server01": 60}
    assert sorted(path.name for path in done.glob("*.csv*")) == sorted(
        f"{number:02d}.csv{text}" for number in range(60) for text in ("", ".txt")
    )
    assert not list((folder / "failed").iterdir())


def test_what_a_killed_watcher_had_stored_and_not_moved_is_known(
    start: Watcher, run_program: RunProgram, folder: Path, data: Path
) -> None:
    drop(folder, "a.csv", HEADER + FIRST)
    run_program("import", "--data", data, folder / "a.csv")

    with watched(start):
        wait_for((folder / "done" / "a.csv").exists)

    assert "0 new, 1 known already." in (folder / "done" / "a.csv.txt").read_text()
    assert stored(data) == {"server01": 1}


def test_a_store_that_cannot_be_used_keeps_the_files_where_they_are(
    start: Watcher, run_program: RunProgram, folder: Path, data: Path
) -> None:
    drop(folder.parent, "first.csv", HEADER + FIRST)
    run_program("import", "--data", data, folder.parent / "first.csv")
    next(data.glob("tenants/*/data.sqlite")).write_bytes(b"no database" * 1000)

    with watched(start) as process:
        drop(folder, "a.csv", HEADER + FIRST)
        assert process.stderr is not None
        said = process.stderr.readline().decode()

    assert said.endswith("restore it from a backup. It is tried again every 30 s.\n")
    assert (folder / "a.csv").exists()
    assert not [*(folder / "done").iterdir(), *(folder / "failed").iterdir()]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--watch", "none"], 66, "none is no folder"),
        (["--watch", ".", "a.csv"], 64, "--watch DIR stands alone"),
        ([], 64, "name files or folders to import"),
    ],
)
def test_what_is_asked_for_must_make_sense(
    run_program: RunProgram, data: Path, options: list[str], code: int, sentence: str
) -> None:
    done = run_program("import", "--data", data, *options)

    assert (done.returncode, sentence in done.stderr) == (code, True)

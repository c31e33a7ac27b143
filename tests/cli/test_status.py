"""`status`: what collectors tell of themselves, whether they still run, and what their metrics file says."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.status import hangs_since, road
from appliance.ship.status import Collector

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start the program and go on; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: object, **settings: str) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "appliance", *map(str, arguments)],
                env={**environment, **settings}, cwd=tmp_path, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def statuses(run_program: RunProgram) -> list[dict[str, Any]]:
    return json.loads(run_program("status", "--json").stdout or "[]")  # type: ignore[no-any-return]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def stop_at_once(process: subprocess.Popen[bytes]) -> None:
    """Stop a collector that would wait for its receiver: the second signal says not to."""
    process.terminate()
    time.sleep(0.5)
    process.terminate()
    process.wait(20)


def test_where_none_is_known_that_is_said(run_program: RunProgram) -> None:
    done = run_program("status")

    assert done.returncode == 66
    assert re.fullmatch(r"perfanalysis: no collector is known in \S+ or /var/lib/perfanalysis\.\n", done.stderr)
    assert run_program("status", "--json").stdout == "[]\n"


def test_a_recording_is_shown_while_it_runs_and_forgotten_when_it_ended_well(
    start: Start, run_program: RunProgram, tmp_path: Path
) -> None:
    process = start("collect", "--interval", "100ms", "-o", "r.json", "--machine-id", "web-1")
    until(lambda: bool(statuses(run_program)))

    (status,) = statuses(run_program)
    shown = run_program("status")

    assert (status["running"], status["state"], status["mode"], status["pid"]) == (
        True, "running", "local", process.pid,
    )  # fmt: skip
    assert (status["machine_id"], status["target"]) == ("web-1", str(tmp_path / "r.json"))
    assert status["samples"] >= 1
    assert status["memory_bytes"] > 1e6
    assert shown.returncode == 0
    assert f"running for 0s with pid {process.pid}, every 100ms" in re.sub(r"for \d+s", "for 0s", shown.stdout)
    process.terminate()
    process.wait(10)
    assert statuses(run_program) == []


def test_a_collector_that_was_killed_is_said_not_to_run(start: Start, run_program: RunProgram) -> None:
    process = start("collect", "--interval", "100ms", "-o", "r.json")
    until(lambda: bool(statuses(run_program)))

    process.send_signal(signal.SIGKILL)
    process.wait()

    (status,) = statuses(run_program)
    assert (status["running"], status["state"]) == (False, "running")
    assert "not running: it ended without a word" in run_program("status").stdout


def test_a_receiver_that_is_away_is_seen_with_what_waits(start: Start, run_program: RunProgram) -> None:
    process = start(
        "collect", "--interval", "100ms", "--server", "http://127.0.0.1:9", "--batch-wait", "100ms", PCC_APIKEY="key"
    )  # fmt: skip
    until(lambda: bool(statuses(run_program)))
    time.sleep(0.5)
    stop_at_once(process)

    (status,) = statuses(run_program)
    shown = run_program("status").stdout

    assert (status["running"], status["state"], status["mode"]) == (False, "ended", "trickle")
    assert status["spool_samples"] == status["samples"] > 0
    assert status["attempts"] == status["attempts_failed"] > 0
    assert (status["sent"], status["last_success"], status["spool_on_disk"]) == (0, 0, 1)
    assert Path(status["spool"]).is_dir()
    assert "last took samples: never; circuit breaker" in shown
    assert "trouble   http://127.0.0.1:9: it cannot be reached: Connection refused\n" in shown
    assert "the oldest for 1h" in "\n".join(road(status, 3600))


def test_it_is_shown_when_a_receiver_that_fails_is_asked_again(start: Start, run_program: RunProgram) -> None:
    process = start(
        "collect", "--interval", "100ms", "--server", "http://127.0.0.1:9", "--batch-wait", "100ms", PCC_APIKEY="key"
    )  # fmt: skip
    until(lambda: any(status["breaker"] == 2 for status in statuses(run_program)), 40)

    shown = run_program("status").stdout

    stop_at_once(process)
    assert re.search(r"running for \S+ with pid \d+, every 100ms \(as of \d+s ago\)\n", shown)
    assert re.search(r"last took samples: never; circuit breaker open, asked again in (1m|\d+s)\n", shown)


def test_a_broken_status_file_is_passed_over(run_program: RunProgram, tmp_path: Path) -> None:
    folder = tmp_path / "home/.local/state/perfanalysis/collectors"
    folder.mkdir(parents=True)
    (folder / "torn.json").write_text('{"version": 1, "pid"')
    (folder / "later.json").write_text('{"version": 99}')
    (folder / "short.json").write_text('{"version": 1}')

    assert run_program("status").returncode == 66


def test_where_there_is_no_place_for_a_status_the_recording_goes_on(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = run_program("collect", "--once", "-o", "once.json")
    done = run_program("collect", "--duration", "100ms", "--interval", "100ms", "-o", "r.json", "--state", "file/x")

    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert (tmp_path / "r.json").exists()


def test_the_metrics_file_is_in_the_text_format_of_prometheus(
    start: Start, run_program: RunProgram, tmp_path: Path
) -> None:
    local = run_program("collect", "--duration", "300ms", "--interval", "100ms", "-o", "r.json",
                        "--metrics-file", "local.prom")  # fmt: skip
    process = start("collect", "--interval", "100ms", "--server", "http://127.0.0.1:9", "--spool", "spool",
                    "--metrics-file", "trickle.prom", "--batch-wait", "100ms", PCC_APIKEY="key")  # fmt: skip
    until((tmp_path / "trickle.prom").exists)
    time.sleep(0.5)
    stop_at_once(process)

    assert local.returncode == 0
    texts = {name: (tmp_path / f"{name}.prom").read_text() for name in ("local", "trickle")}
    for text in texts.values():
        for line in text.splitlines():
            assert re.fullmatch(r'# (HELP|TYPE) pcc_\w+ .+|pcc_\w+(\{le="[^"]+"\})? [0-9.e+-]+', line)
    values = {name: dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
              for name, text in texts.items()}  # fmt: skip
    assert float(values["local"]["pcc_collections_total"]) >= 1
    assert "pcc_upload_attempts_total" not in values["local"]
    road = {name: float(value) for name, value in values["trickle"].items()}
    assert road["pcc_upload_attempts_total"] == road["pcc_upload_failures_total"] > 0
    assert road['pcc_upload_duration_seconds_bucket{le="+Inf"}'] == road["pcc_upload_duration_seconds_count"]
    assert road["pcc_spool_samples"] == road["pcc_collections_total"]
    assert road["pcc_breaker_state"] in (0, 1, 2)


def test_a_metrics_file_in_no_folder_is_refused_before_it_records(run_program: RunProgram, tmp_path: Path) -> None:
    done = run_program("collect", "--duration", "100ms", "--interval", "100ms", "-o", "r.json",
                       "--metrics-file", "nowhere/x.prom")  # fmt: skip

    assert done.returncode == 73
    assert done.stderr == "perfanalysis: the metrics file nowhere/x.prom cannot be written: its folder is not there.\n"


def test_progress_is_a_bar_on_a_terminal_and_nothing_elsewhere_when_it_is_short(
    run_program: RunProgram, environment: dict[str, str], tmp_path: Path
) -> None:
    asked = ["collect", "--duration", "2s", "--interval", "1s", "-o", "r.json", "--progress"]
    terminal, other = pty.openpty()

    process = subprocess.Popen(
        [sys.executable, "-m", "appliance", *asked], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
        stderr=other, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(other)
    shown = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    elsewhere = run_program(*asked)

    assert process.wait(10) == 0
    assert b"Recording" in shown
    assert b"%" in shown
    assert elsewhere.stderr == "3 samples in r.json.\n"


@pytest.mark.parametrize(
    ("running", "interval_seconds", "silent_seconds", "hangs"),
    [(True, 1, 25, False), (True, 1, 40, True), (True, 60, 100, False), (True, 60, 160, True), (False, 1, 4000, False)],
)
def test_a_collector_that_says_nothing_for_too_long_hangs(
    running: bool, interval_seconds: int, silent_seconds: int, hangs: bool
) -> None:
    updated = time.time() - silent_seconds
    status = {"interval_seconds": interval_seconds, "updated": updated}

    assert hangs_since(Collector("web-1", running, status)) == (updated if hangs else None)

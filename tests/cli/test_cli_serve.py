"""`serve`, also `pcd`: how it starts, what it says, how it ends."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from appliance.cli.serve import ListenType
from appliance.store.registry import Registry

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start `serve` and read until it listens."""
    started: list[subprocess.Popen[str]] = []

    def serve(*arguments: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "serve", *map(str, arguments)],
            env={**environment, **(env or {})},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield serve
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"Listening on http://(\S+):([0-9]+) ", line)
    assert found, line
    return found[1].strip("[]"), int(found[2])


def get(where: tuple[str, int], path: str) -> int:
    connection = http.client.HTTPConnection(*where, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_tells_its_real_address_and_answers_there(start: Start, data: Path) -> None:
    process = start("--listen", "127.0.0.1:0", "--data", data)

    where = address(process)

    assert where[0] == "127.0.0.1"
    assert get(where, "/health") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_seconds_and_cleanly(start: Start, data: Path, number: signal.Signals) -> None:
    process = start("--listen", "127.0.0.1:0", "--data", data)
    where = address(process)
    with socket.create_connection(where):
        started = time.monotonic()
        process.send_signal(number)
        said = process.communicate(timeout=20)

    assert process.returncode == 0
    assert time.monotonic() - started < 5
    assert "Traceback" not in said[1]
    assert not list(data.rglob("*-wal"))


def test_a_new_data_folder_gets_a_tenant_and_the_way_to_a_key_is_told(start: Start, data: Path) -> None:
    process = start("--listen", "127.0.0.1:0", "--data", data)
    address(process)
    process.terminate()

    _, said = process.communicate(timeout=20)

    assert Registry(data).tenants() == ["default"]
    assert said == f"Nobody has a key. Make one: perfanalysis key create --data {data}\n"


def test_a_key_that_is_made_while_it_runs_is_valid_at_once(start: Start, data: Path) -> None:
    where = address(start("--listen", "127.0.0.1:0", "--data", data))
    key = Registry(data).create_key("default")
    connection = http.client.HTTPConnection(*where, timeout=20)

    connection.request("GET", "/api/v1/machines", headers={"Authorization": f"Bearer {key}"})

    assert connection.getresponse().status == 200
    connection.close()


def test_who_has_keys_is_told_nothing(start: Start, data: Path) -> None:
    registry = Registry(data)
    registry.create_tenant("team-a")
    registry.create_key("team-a")
    process = start("--listen", "127.0.0.1:0", "--data", data)
    address(process)
    process.terminate()

    assert process.communicate(timeout=20) == ("", "")
    assert registry.tenants() == ["team-a"]


@pytest.mark.parametrize("name", ["LISTENADDRESS", "PCD_LISTENADDRESS", "PERFANALYSIS_SERVE_LISTEN"])
def test_the_environment_says_where_to_listen(start: Start, data: Path, name: str) -> None:
    process = start(env={name: "127.0.0.1:0", "PCD_HOME": str(data), "PCD_LOGLEVEL": "info"})

    where = address(process)

    assert get(where, "/health?x=secret") == 200
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert "INFO GET /health 200 " in said
    assert "secret" not in said
    assert (data / "registry.sqlite").exists()


def test_our_own_variable_for_the_data_folder_comes_first(start: Start, data: Path, tmp_path: Path) -> None:
    process = start(
        "--listen", "127.0.0.1:0", env={"PERFANALYSIS_DATA": str(data), "PCD_HOME": str(tmp_path / "other")}
    )
    address(process)

    assert (data / "registry.sqlite").exists()
    assert not (tmp_path / "other").exists()


def test_a_port_in_use_is_one_sentence(
    run_program: Callable[..., subprocess.CompletedProcess[str]], data: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run_program("serve", "--listen", f"127.0.0.1:{port}", "--data", data)

    assert done.returncode == 73
    assert done.stdout == ""
    assert done.stderr.startswith(f"perfanalysis: 127.0.0.1:{port} is in use by another program: ")
    assert done.stderr.count("\n") == 1


def test_a_data_folder_that_cannot_be_made_is_one_sentence(
    run_program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    done = run_program("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "file" / "data")

    assert done.returncode == 73
    assert done.stderr.count("\n") == 1
    assert "file/data" in done.stderr
    assert "--data" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_a_data_folder_that_may_not_be_written_is_one_sentence(
    run_program: Callable[..., subprocess.CompletedProcess[str]], data: Path
) -> None:
    data.mkdir(mode=0o500)

    done = run_program("serve", "--listen", "127.0.0.1:0", "--data", data)

    assert done.returncode == 77
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:8080", ("::1", 8080)),
        ("perf.example.com:0", ("perf.example.com", 0)),
        (":8080", ("0.0.0.0", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        (" 8080 ", ("127.0.0.1", 8080)),
    ],
)
def test_an_address_may_be_written_in_several_ways(text: str, expected: tuple[str, int]) -> None:
    assert ListenType().convert(text, None, None) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8080", "x:-1", "[x]:1", "x:８"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is not HOST:PORT"):
        ListenType().convert(text, None, None)

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


def test_a_hang_up_reopens_the_access_log_and_ends_nothing(start: Start, data: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    process = start("--listen", "127.0.0.1:0", "--data", data, "--access-log", log)
    where = address(process)
    get(where, "/health")
    log.rename(tmp_path / "yesterday.log")

    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    status = get(where, "/v1/ping")

    assert status == 200
    assert "/health" in (tmp_path / "yesterday.log").read_text()
    assert "/v1/ping" in log.read_text()


def test_it_answers_on_when_nobody_reads_what_it_says(start: Start, data: Path) -> None:
    process = start("--listen", "127.0.0.1:0", "--data", data, "--log-level", "info")
    where = address(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()

    answered = [get(where, "/health") for _ in range(3)]
    process.send_signal(signal.SIGPIPE)
    answered.append(get(where, "/health"))
    process.terminate()

    assert answered == [200] * 4
    assert process.wait(timeout=20) == 0
    process.stdout = process.stderr = None


def test_it_listens_on_a_unix_socket(start: Start, data: Path, tmp_path: Path) -> None:
    path = Path(f"/tmp/perfanalysis-{os.getpid()}.sock")
    process = start("--listen", f"unix:{path}", "--data", data)
    assert process.stdout is not None
    said = process.stdout.readline()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = connection.recv(1000)
    process.terminate()
    process.wait(timeout=20)

    assert said.startswith(f"Listening on unix:{path} (data in {data})")
    assert answer.startswith(b"HTTP/1.0 200 ")
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        ((), True),
        (("--insecure-http",), False),
        (("--trusted-proxy", "192.0.2.1"), False),
    ],
)
def test_plain_http_for_the_network_is_warned_of(
    start: Start, data: Path, arguments: tuple[str, ...], warned: bool
) -> None:
    registry = Registry(data)
    registry.create_tenant("team-a")
    registry.create_key("team-a")
    process = start("--listen", "0.0.0.0:0", "--data", data, *arguments)
    address(process)
    process.terminate()

    _, said = process.communicate(timeout=20)

    assert said.startswith("Keys and data can be read on their way here: use --tls-cert") == warned
    assert said.count("\n") == warned


def test_the_limits_are_shown_and_can_be_changed(
    start: Start, run_program: Callable[..., subprocess.CompletedProcess[str]], data: Path
) -> None:
    shown = run_program("serve", "--limits").stdout.splitlines()
    process = start("--listen", "127.0.0.1:0", "--data", data, "--limit", "json_bytes=10", "--limit", "headers=9")
    where = address(process)
    connection = http.client.HTTPConnection(*where, timeout=20)

    connection.request("POST", "/v1/ping", b'{"timestamp":1}')

    assert connection.getresponse().status == 413
    assert "json_bytes=4096" in shown
    assert "stranger_connections=20" in shown
    connection.close()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--limit", "nonsense=1"), 64, "'nonsense' is no limit: `perfanalysis serve --limits` shows them."),
        (("--limit", "headers=0"), 64, "has no number above 0: write it like headers=100."),
        (("--limit", "headers"), 64, "has no number above 0"),
        (("--trusted-proxy", "nonsense"), 64, "'nonsense' is not the address of a proxy: write it like"),
        (("--tls-cert", "x.pem"), 64, "--tls-cert and --tls-key go together"),
        (("--tls-cert", "no.pem", "--tls-key", "no.key"), 66, "no.pem cannot be read: No such file or directory."),
        (("--metrics-token-file", "no"), 66, "no cannot be read: No such file or directory."),
        (("--metrics-token-file", "short"), 78, "short holds no token: one line of at least 16 letters and digits."),
        (("--access-log", "no/x.log"), 73, "no/x.log cannot be written: No such file or directory;"),
        (("--listen", "unix:short"), 64, "short is there and is no socket"),
    ],
)
def test_settings_of_no_use_are_one_sentence(
    run_program: Callable[..., subprocess.CompletedProcess[str]],
    data: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str,
) -> None:  # fmt: skip
    (tmp_path / "short").write_text("short\n")

    done = run_program("serve", "--listen", "127.0.0.1:0", "--data", data, *arguments, cwd=tmp_path)

    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""

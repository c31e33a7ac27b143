"""Uploading: to a receiver of ours, and to servers that refuse, fail, mislead or hang."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import (
    BadConfiguration,
    BadData,
    Conflict,
    Forbidden,
    InvalidKey,
    NoInput,
    PerfanalysisError,
    TooLarge,
    Unavailable,
    UsageError,
)
from appliance.receive.application import application
from appliance.receive.limits import Limits
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.ship import upload
from appliance.ship.upload import PATH, send

KEY = "pa1_key"
SUCCESS = {"status": "success", "upload_id": "1", "machine_id": "web-1", "rows_imported": 3}
CSV = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,web-1,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
)

Reply = tuple[int, dict[str, str], bytes]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / 'a "file".csv'
    path.write_text(CSV)
    return path


@pytest.fixture
def receiver(data: Path) -> Iterator[tuple[str, str]]:
    """A receiver of ours and a key of it."""
    stores = Stores(data)
    stores.registry.create_tenant("team-a")
    running = Receiver(application(stores, Limits(file_bytes=1_000_000)), "127.0.0.1", 0)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running.url, stores.registry.create_key("team-a")
    running.stop()
    thread.join()
    stores.close()


def answer(status: int, content: object, **headers: str) -> Reply:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(content).encode()


def test_a_file_is_stored_and_the_outcome_told(receiver: tuple[str, str], file: Path) -> None:
    first = send(file, *receiver, "web-1", "team-a")
    again = send(file, *receiver, "web-1", "team-a")

    assert (first.machine_id, first.rows_imported, first.rows_duplicate, first.duplicate) == ("web-1", 1, 0, False)
    assert (again.upload_id, again.duplicate) == (first.upload_id, True)


def test_a_recording_is_sent_as_it_is(receiver: tuple[str, str], recordings: Path) -> None:
    outcome = send(recordings / "azure_d4s_idle_short" / "host.json", *receiver, "d4s")

    assert outcome.rows_imported > 10


def test_what_the_receiver_warns_of_is_told(receiver: tuple[str, str], file: Path) -> None:
    assert "web-1" in send(file, *receiver, "web-2").warnings[0]


@pytest.mark.parametrize(
    ("change", "kind", "exit_code"),
    [
        ({"key": "pa1_no"}, InvalidKey, 77),
        ({"tenant_id": "team-b"}, Forbidden, 77),
        ({"machine_id": "../x"}, BadData, 65),
        ({"content": CSV.replace("25.5", "many")}, BadData, 65),
        ({"content": CSV + "x" * 1_000_000}, TooLarge, 65),
        ({"content": "x" * 60_000_000}, TooLarge, 65),
        ({"content": "x" * 60_000_000, "key": "pa1_no"}, InvalidKey, 77),
    ],
)
def test_what_the_receiver_refuses_is_an_error_of_ours(
    receiver: tuple[str, str], file: Path, change: dict[str, str], kind: type[PerfanalysisError], exit_code: int
) -> None:
    file.write_text(change.get("content", CSV))

    with pytest.raises(kind) as caught:
        send(
            file, receiver[0], change.get("key", receiver[1]), change.get("machine_id", "web-1"),
            change.get("tenant_id", ""),
        )  # fmt: skip

    assert caught.value.exit_code == exit_code
    assert caught.value.message.startswith(f"{receiver[0]} refused it: ")


def test_other_values_are_a_conflict(receiver: tuple[str, str], file: Path) -> None:
    send(file, *receiver, "web-1")
    file.write_text(CSV.replace("25.5", "26.5"))

    with pytest.raises(Conflict) as caught:
        send(file, *receiver, "web-1")

    assert caught.value.details["count"] == 1


@pytest.mark.parametrize("prefix", ["", "/", "/perf", f"/perf{PATH}"])
def test_the_form_is_what_the_contract_asks_for(start_server: Any, file: Path, prefix: str) -> None:
    url, received = start_server(answer(200, SUCCESS))

    send(file, url + prefix, KEY, "web-1")

    [(path, headers, body)] = received
    assert path == ("/perf" if "perf/" in prefix + "/" and prefix.startswith("/perf") else "") + PATH
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert b'name="machine_id"\r\n\r\nweb-1\r\n' in body
    assert b'name="file"; filename="a %22file%22.csv"\r\n' in body
    assert CSV.encode() in body
    assert b"tenant_id" not in body


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507])
def test_what_may_pass_is_tried_again(start_server: Any, file: Path, status: int) -> None:
    url, received = start_server(answer(status, {"message": "later"}), answer(status, {}), answer(200, SUCCESS))
    pauses: list[float] = []
    said: list[str] = []

    outcome = send(file, url, KEY, "web-1", sleep=pauses.append, say=said.append)

    assert outcome.rows_imported == 3
    assert len(received) == 3
    assert 0 <= pauses[0] <= 1
    assert 0 <= pauses[1] <= 2
    assert said[0].startswith(f"{url} cannot take it now: later. Trying again in ")
    assert said[0].endswith("(1 of 3).")


@pytest.mark.parametrize(("retries", "sent"), [(0, 1), (3, 4)])
def test_it_is_not_tried_for_ever(start_server: Any, file: Path, retries: int, sent: int) -> None:
    url, received = start_server(answer(503, {"message": "busy"}))

    with pytest.raises(Unavailable, match="cannot take it now: busy") as caught:
        send(file, url, KEY, "web-1", retries=retries, sleep=lambda _: None)

    assert len(received) == sent
    assert caught.value.exit_code == 69


@pytest.mark.parametrize(("asked", "least"), [("7", 7), ("99999999", 3600), ("-5", 0), ("soon", 0), ("", 0)])
def test_a_receiver_that_asks_to_wait_is_waited_for(start_server: Any, file: Path, asked: str, least: float) -> None:
    url, _ = start_server(answer(429, {}, Retry_After=asked), answer(200, SUCCESS))
    pauses: list[float] = []

    send(file, url, KEY, "web-1", sleep=pauses.append)

    assert least <= pauses[0] <= least + 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 411, 413, 415, 422])
def test_what_will_not_pass_is_not_tried_again(start_server: Any, file: Path, status: int) -> None:
    url, received = start_server(answer(status, {"status": "error", "message": "no"}))

    with pytest.raises(PerfanalysisError, match="refused it: no"):
        send(file, url, KEY, "web-1", sleep=lambda _: None)

    assert len(received) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_followed_with_the_key(start_server: Any, file: Path, status: int) -> None:
    elsewhere, got = start_server(answer(200, SUCCESS))
    url, _ = start_server(answer(status, {}, Location=elsewhere + PATH))

    with pytest.raises(BadConfiguration, match=f"sends on to {elsewhere}"):
        send(file, url, KEY, "web-1")

    assert got == []


@pytest.mark.parametrize(
    "content", [b"<html>log in</html>", b"[]", b"{}", b'{"status":"success"}', b"\xff", b"[" * 9999]
)
def test_a_page_with_status_200_is_no_confirmation(start_server: Any, file: Path, content: bytes) -> None:
    url, _ = start_server((200, {}, content))

    with pytest.raises(BadConfiguration, match="does not answer as a receiver does"):
        send(file, url, KEY, "web-1")


def test_nobody_there_is_one_sentence(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pauses: list[float] = []

    with pytest.raises(Unavailable, match=rf"^http://127.0.0.1:{port} cannot be reached: Connection refused\.$"):
        send(file, f"http://127.0.0.1:{port}", KEY, "web-1", retries=2, sleep=pauses.append)

    assert len(pauses) == 2


def test_a_name_that_nobody_has_is_one_sentence(file: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        send(file, "http://no.such.host.invalid", KEY, "web-1", retries=0)


def test_a_receiver_that_says_nothing_is_given_up(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
        send(file, f"http://127.0.0.1:{deaf.getsockname()[1]}", KEY, "web-1", retries=0, timeout_seconds=0.2)


@pytest.mark.parametrize("spoken", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
def test_a_server_that_breaks_off_is_unreachable(file: Path, spoken: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(spoken)

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises((Unavailable, BadConfiguration)):
            send(file, f"http://127.0.0.1:{server.getsockname()[1]}", KEY, "web-1", retries=0)
        thread.join()


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://x", "http://", "http://[::1", "http://u:p@x", "http://x:y"]
)
def test_what_is_no_address_is_refused(file: Path, url: str) -> None:
    with pytest.raises(UsageError, match="address of a receiver"):
        send(file, url, KEY, "web-1")


@pytest.mark.parametrize("key", ["", "a\nb", "caf\xe9"])
def test_what_is_no_key_is_refused(file: Path, key: str) -> None:
    with pytest.raises(BadConfiguration, match="the key"):
        send(file, "http://127.0.0.1:9", key, "web-1")


def test_a_machine_id_cannot_add_to_the_form(file: Path) -> None:
    with pytest.raises(UsageError):
        send(file, "http://127.0.0.1:9", KEY, "web-1\r\n--x")


def test_what_is_no_file_is_refused(tmp_path: Path, start_server: Any) -> None:
    url, received = start_server(answer(200, SUCCESS))

    for path, reason in ((tmp_path / "absent.csv", "cannot be read: No such file"), (tmp_path, "is not a file")):
        with pytest.raises(NoInput, match=reason):
            send(path, url, KEY, "web-1")

    assert received == []


def test_what_is_added_meanwhile_is_not_sent_and_what_is_cut_is_an_error(file: Path) -> None:
    with file.open("rb") as stream:
        assert b"".join(upload.pieces(stream, file, 10, b"<", b">")) == f"<{CSV[:10]}>".encode()
        with pytest.raises(BadData, match="became shorter"):
            list(upload.pieces(stream, file, len(CSV), b"", b""))

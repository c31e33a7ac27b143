"""The application: what is not there, what breaks, and what every answer has."""

import logging
from pathlib import Path

import pytest
from receiver_peer import Peer, assert_refused, batch, csv_text

from appliance import receive
from appliance.receive.application import ROUTES

NO_ROUTES = {
    "__init__", "access_log", "answers", "application", "authentication", "bodies", "call", "channel", "client",
    "forms", "housekeeping", "last_used", "limits", "listening", "log", "one_cpu", "rates", "server", "status",
    "stores", "tls",
}  # fmt: skip


def test_every_module_of_routes_is_on_the_list() -> None:
    modules = {path.stem for path in Path(receive.__file__).parent.glob("*.py")} - NO_ROUTES

    assert {route.answer.__module__.rpartition(".")[2] for route in ROUTES} == modules


@pytest.mark.parametrize(
    "path", ["/nope", "/v1/trickle/", "/V1/ping", "//health", "/health/../v1/ping", "/health%00", "/health;a=b", "/%ff"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_what_is_not_there_is_not_found(peer: Peer, method: str, path: str) -> None:
    assert_refused(peer.ask(method, path, b""), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/health", "GET"),
        ("TRACE", "/health", "GET"),
        ("OPTIONS", "/v1/ping", "GET,POST"),
        ("GET", "/v1/trickle", "POST"),
        ("POST", "/api/v1/machines/web-1", "GET"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_which_it_takes(
    peer: Peer, method: str, path: str, allowed: str
) -> None:
    reply = peer.ask(method, path, headers={"X-HTTP-Method-Override": allowed})

    assert_refused(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/v1/trickle", "/v1/ping", "/api/v1/performance/upload"])
def test_a_body_without_a_length_is_refused(peer: Peer, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\n"

    for more in ("", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n"):
        answer = peer.raw(f"{head}{more}\r\n5\r\nhello\r\n0\r\n\r\n".encode())

        assert answer.startswith(b"HTTP/1.1 411 ")
        assert b'"LENGTH_REQUIRED"' in answer
    assert peer.stored_nothing()


def test_a_body_where_none_is_taken_is_refused(peer: Peer) -> None:
    assert_refused(peer.ask("GET", "/health", b"x"), 413, "PAYLOAD_TOO_LARGE")


def test_a_body_over_the_limit_is_refused_before_it_is_read(peer: Peer) -> None:
    head = f"POST /v1/trickle HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\nContent-Length: {{}}\r\n\r\n"

    for length in (17_000_000, 10**12, 10**300):
        answer = peer.raw(head.format(length).encode())

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"PAYLOAD_TOO_LARGE"' in answer


def test_a_sender_that_does_not_stop_still_gets_its_answer(peer: Peer) -> None:
    assert_refused(peer.ask("POST", "/v1/trickle", b"x" * 40_000_000), 413, "PAYLOAD_TOO_LARGE")
    assert_refused(peer.ask("POST", "/v1/trickle", b"x" * 10_000_000, key=None), 401, "INVALID_API_KEY")


def test_what_breaks_inside_is_told_by_a_number_and_explained_in_the_log(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    store = peer.application.stores.tenant("team-a")
    with store.lock:
        store.database.execute_sql("DROP TABLE machine")

    with caplog.at_level(logging.ERROR):
        reply = peer.trickle(batch())

    details = assert_refused(reply, 500, "PROCESSING_ERROR")
    assert "machine" not in reply.body.decode()
    [record] = caplog.records
    assert details["error_id"] in record.getMessage()
    assert "no such table: machine" in caplog.text


def test_a_tenant_that_cannot_be_opened_is_our_fault_and_shows_no_path(peer: Peer) -> None:
    folder = peer.registry.folder / "tenants"
    folder.rmdir() if folder.exists() else None
    folder.write_text("in the way")

    reply = peer.upload(csv_text(), machine_id="web-1")

    assert_refused(reply, 500, "PROCESSING_ERROR")
    assert str(peer.registry.folder) not in reply.body.decode()


def test_every_answer_says_that_it_is_not_to_be_kept(peer: Peer) -> None:
    for reply in (peer.ask("GET", "/health"), peer.ask("GET", "/nope"), peer.ask("GET", "/api/v1/machines")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "server" not in reply.headers

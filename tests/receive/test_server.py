"""The server: framing, what waitress refuses itself, listening, and stopping."""

import http.client
import os
import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from receiver_peer import TRICKLE, Peer, Reply, StartReceiver, assert_refused, batch
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from appliance.errors import InUse, NoPermission, UsageError
from appliance.receive.application import application
from appliance.receive.limits import Limits
from appliance.receive.server import Receiver, listen
from appliance.receive.stores import Stores

GET = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def test_waitress_has_what_we_build_on(peer: Peer) -> None:
    """If this fails with a new waitress, read its channel, parser and task anew before anything else."""
    for kind, names in (
        (BaseWSGIServer, ("channel_class", "accept_connections", "pull_trigger")),
        (HTTPChannel, ("parser_class", "error_task_class", "task_class", "service")),
        (HTTPRequestParser, ("completed", "error", "expect_continue", "headers_finished", "empty", "parse_header")),
        (ErrorTask, ("execute", "set_close_on_finish", "content_length", "write")),
    ):
        assert [name for name in names if not hasattr(kind, name)] == []


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"HELLO\r\n\r\n", 400, "BAD_REQUEST"),
        (b"get /health HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "BAD_REQUEST"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404, "NOT_FOUND"),
        (GET + b"Bad header\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"X : y\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"X: a\nY: b\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"X: \x00\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"Content-Length: -3\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"Content-Length: +3\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"Content-Length: 0_3\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (GET + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 411, "LENGTH_REQUIRED"),
        (GET + b"Transfer-Encoding: xchunked\r\n\r\n", 411, "LENGTH_REQUIRED"),
        (GET + b"Transfer-Encoding: identity, chunked\r\n\r\n", 411, "LENGTH_REQUIRED"),
        (b"GET /health HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 411, "LENGTH_REQUIRED"),
    ],
)
def test_a_hostile_head_gets_one_answer_in_our_shape(peer: Peer, request_bytes: bytes, status: int, code: str) -> None:
    answer = peer.raw(request_bytes)

    assert answer.startswith((f"HTTP/1.1 {status} ".encode(), f"HTTP/1.0 {status} ".encode()))
    assert answer.count(b"HTTP/1.") == 1
    assert f'"error_code": "{code}"'.encode() in answer
    assert b"Content-Type: application/json" in answer
    assert peer.ask("GET", "/health").status == 200


def test_the_body_of_a_refused_request_is_no_request(peer: Peer) -> None:
    inner = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = peer.raw(f"POST {TRICKLE} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n".encode() + inner)

    assert answer.count(b"HTTP/1.") == 1
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_requests_that_come_together_are_answered_in_turn(peer: Peer) -> None:
    answer = peer.raw(b"GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")

    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.index(b'"version"') < answer.index(b'"uptime"')


def test_health_answers_while_others_send_slowly(peer: Peer) -> None:
    head = f"POST {TRICKLE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\nContent-Length: 100\r\n\r\nxx"
    slow = [socket.create_connection(peer.address) for _ in range(100)]
    for connection in slow:
        connection.sendall(head.encode())

    started = time.monotonic()
    reply = peer.ask("GET", "/health")
    took = time.monotonic() - started

    for connection in slow:
        connection.close()
    assert reply.status == 200
    assert reply.json["active_connections"] > 100
    assert took < 5


def test_a_connection_without_a_byte_is_closed(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(idle_seconds=1))

    with socket.create_connection(peer.address, timeout=20) as connection:
        assert connection.recv(1) == b""


def test_a_port_in_use_is_one_sentence(peer: Peer) -> None:
    host, port = peer.address

    with pytest.raises(InUse, match=rf"^127.0.0.1:{port} is in use by another program: .*--listen"):
        listen(host, port)


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user who may not open every port")
def test_a_port_of_the_system_is_one_sentence() -> None:
    with pytest.raises(NoPermission, match=r"^127.0.0.1:80 needs the rights of the system"):
        listen("127.0.0.1", 80)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "::zz"])
def test_an_address_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(UsageError, match="is no address of this machine"):
        listen(host, 0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address_that_is_told_is_the_real_one(data: Path, host: str, shown: str) -> None:
    if host == "::1" and not ipv6():
        pytest.skip("needs IPv6")
    stores = Stores(data)
    receiver = Receiver(application(stores), host, 0)
    thread = threading.Thread(target=receiver.run)
    thread.start()

    port = int(receiver.url.rpartition(":")[2])
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(GET + b"\r\n")
        answer = connection.recv(1000)

    receiver.stop()
    thread.join()
    stores.close()
    assert receiver.url == f"http://{shown}:{port}"
    assert answer.startswith(b"HTTP/1.1 200 ")


def ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_stopping_answers_what_runs_and_refuses_what_comes(data: Path) -> None:
    stores = Stores(data)
    stores.registry.create_tenant("team-a")
    key = stores.registry.create_key("team-a")
    receiver = Receiver(application(stores), "127.0.0.1", 0)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    port = int(receiver.url.rpartition(":")[2])
    peer = Peer(("127.0.0.1", port), receiver.server.receiver, stores.registry, key, key)
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(peer.trickle(batch()).status))

    with closing(http.client.HTTPConnection(*peer.address, timeout=20)) as kept:
        kept.request("GET", "/health")
        before = kept.getresponse()
        before.read()
        with stores.tenant("team-a").lock:
            sender.start()
            while not receiver.busy:
                time.sleep(0.01)
            receiver.stop()
            while connects(port):
                time.sleep(0.01)
            kept.request("GET", "/health")
            after = kept.getresponse()
            refusal = Reply(after.status, {name.lower(): value for name, value in after.getheaders()}, after.read())
    sender.join()
    thread.join()

    assert before.status == 200
    assert_refused(refusal, 503, "OVERLOADED")
    assert refusal.headers["retry-after"] == "5"
    assert answers == [200]
    assert peer.stored()["batch"] == 1
    stores.close()


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    return True


def test_more_senders_than_connections_that_each_would_keep_theirs_are_all_served(
    start_receiver: StartReceiver,
) -> None:
    peer = start_receiver(Limits(connections=12))
    kept = [http.client.HTTPConnection(*peer.address, timeout=20) for _ in range(40)]

    for _ in range(2):
        for connection in kept:
            connection.request("GET", "/v1/version")
            with connection.getresponse() as response:
                assert (response.status, response.read()[:10]) == (200, b'{"version"')

    still = [connection for connection in kept if connection.sock is not None]
    for connection in kept:
        connection.close()
    # Those that came first stay connected: it is not crowded by them.
    assert 4 <= len(still) <= 9

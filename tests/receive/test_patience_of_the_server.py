"""How long the receiver waits for whom, how many connections it takes, and that others notice nothing of it."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from receiver_peer import TRICKLE, UPLOAD, Peer, StartReceiver, at_once, batch, csv_text

from appliance.receive.limits import Limits

QUICK = Limits(
    header_seconds=1, body_seconds=1, upload_seconds=3, write_seconds=1, linger_seconds=1, stranger_connections=1000
)


def head(peer: Peer, path: str, length: int, key: str | None = None) -> bytes:
    key = key or peer.key
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@contextmanager
def connections(peer: Peer, count: int, address: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    with ExitStack() as opened:
        yield [
            opened.enter_context(socket.create_connection(peer.address, timeout=20, source_address=(address, 0)))
            for _ in range(count)
        ]


def read(connection: socket.socket) -> bytes:
    received = b""
    while more := connection.recv(65536):
        received += more
    return received


@pytest.mark.parametrize("path", [UPLOAD, TRICKLE])
def test_a_key_that_is_revoked_ends_a_body_that_still_comes(peer: Peer, path: str) -> None:
    kind = b"Content-Type: application/json\r\n"
    with connections(peer, 1) as [connection]:
        connection.sendall(head(peer, path, 1_000_000)[:-2] + kind + b"\r\n" + b"{")
        connection.settimeout(1.2)
        # As long as the key is valid nothing is said.
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)

        peer.registry.revoke_key(peer.key)

        answer = read(connection)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"INVALID_API_KEY"' in answer
    assert peer.stored_nothing()


def is_cut_off(connection: socket.socket, piece: bytes) -> bool:
    """Send ten pieces a second until nobody takes them any more; say whether that comes within ten seconds."""
    try:
        for _ in range(100):
            connection.sendall(piece)
            time.sleep(0.1)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


@pytest.mark.parametrize("sent", ["GET /health HT", "GET /health HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_head_that_does_not_end_is_answered_and_closed(start_receiver: StartReceiver, sent: str) -> None:
    answer = start_receiver(QUICK).raw(sent.encode())

    assert answer.startswith(b"HTTP/1.0 408 ")
    assert b'"REQUEST_TIMEOUT"' in answer
    assert b"Retry-After: " in answer


def test_a_head_that_comes_byte_by_byte_has_no_more_time(start_receiver: StartReceiver) -> None:
    peer = start_receiver(QUICK)

    with connections(peer, 1) as [connection]:
        connection.sendall(b"GET /health HTTP/1.1\r\nX: ")

        assert is_cut_off(connection, b"y")


def test_empty_lines_are_no_request_and_keep_no_connection(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(idle_seconds=1))

    with connections(peer, 1) as [connection]:
        assert is_cut_off(connection, b"\r\n\r\n")


def test_a_body_that_does_not_come_is_answered_and_closed(start_receiver: StartReceiver) -> None:
    peer = start_receiver(QUICK)

    answer = peer.raw(head(peer, TRICKLE, 100) + b"{")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert peer.stored_nothing()


def test_a_body_that_comes_fast_enough_may_take_longer(start_receiver: StartReceiver) -> None:
    """A batch of a collector behind a slow line: refused by its time alone, it would never get through."""
    peer = start_receiver(Limits(body_seconds=1, least_bytes_per_second=1000))
    body = json.dumps(batch(more="x" * 20_000)).encode()

    with connections(peer, 1) as [connection]:
        connection.sendall(head(peer, TRICKLE, len(body)))
        for at in range(0, len(body), 1000):
            connection.sendall(body[at : at + 1000])
            time.sleep(0.15)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_no_body_may_take_for_ever_however_fast_it_comes(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(body_seconds=1, upload_seconds=2, least_bytes_per_second=1))

    with connections(peer, 1) as [connection]:
        connection.sendall(head(peer, UPLOAD, 50_000_000))

        assert is_cut_off(connection, b"x" * 10_000)


def test_who_does_not_read_its_answer_is_cut_off(start_receiver: StartReceiver) -> None:
    peer = start_receiver(QUICK)
    for number in range(5):
        reply = peer.upload(csv_text(rows=20_000, start=1_600_000_000 + number * 1_300_000), machine_id="web-1")
        assert reply.status == 200, reply.body
    asking = f"GET /api/v1/performance/export?machine_id=web-1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}"

    with socket.socket() as connection:
        # Before it connects: the system would take the whole answer for it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(peer.address)
        connection.sendall(f"{asking}\r\n\r\n".encode())
        deadline = time.monotonic() + 20
        # Who asks is one of them; who asked just before may be another one for a moment.
        while (left := peer.ask("GET", "/health").json["active_connections"]) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)

    assert left == 1


def test_who_is_refused_while_it_sends_gets_its_answer(start_receiver: StartReceiver) -> None:
    """Closed at once, the connection would be reset, and many clients would tell of that and not of the answer."""
    peer = start_receiver(Limits())

    with connections(peer, 1) as [connection]:
        connection.sendall(head(peer, UPLOAD, 3_000_000, "x"))
        for _ in range(30):
            connection.sendall(b"x" * 100_000)
            time.sleep(0.01)
        answer = read(connection)

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_strangers_of_one_address_are_few_and_others_are_not_refused(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(stranger_connections=5))

    with connections(peer, 5) as opened:
        opened[0].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert opened[0].recv(65536).startswith(b"HTTP/1.1 200 ")
        with connections(peer, 1) as [one_more]:
            refused = read(one_more)
        with connections(peer, 1, "127.0.0.2") as [other]:
            other.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            taken = read(other)
    deadline = time.monotonic() + 20
    while (status := peer.raw(b"GET /health HTTP/1.0\r\n\r\n")[9:12]) != b"200" and time.monotonic() < deadline:
        time.sleep(0.05)

    assert refused.startswith(b"HTTP/1.1 429 ")
    assert json.loads(refused.partition(b"\r\n\r\n")[2])["error_code"] == "RATE_LIMITED"
    assert b"Retry-After: " in refused
    assert taken.startswith(b"HTTP/1.1 200 ")
    assert status == b"200"


def test_who_has_shown_a_key_is_no_stranger(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(stranger_connections=3))
    asking = f"GET /api/v1/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\n\r\n".encode()

    with ExitStack() as opened:
        for _ in range(12):
            connection = opened.enter_context(socket.create_connection(peer.address, timeout=20))
            connection.sendall(asking)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_more_connections_than_there_may_be_are_told_so(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(connections=5, full_idle_seconds=1000))

    with connections(peer, 5), connections(peer, 1) as [one_more]:
        refused = read(one_more)

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert json.loads(refused.partition(b"\r\n\r\n")[2])["error_code"] == "OVERLOADED"
    assert b"Retry-After: " in refused


def test_who_fills_all_connections_and_is_silent_makes_room(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(connections=5, full_idle_seconds=1, header_seconds=1000, idle_seconds=1000))

    with connections(peer, 5, "127.0.0.3") as silent:
        silent[0].sendall(b"GET /health HTTP/1.1\r\nX: ")
        time.sleep(1.5)
        answers = [peer.ask("GET", "/health").status for _ in range(4)]

    assert answers == [200] * 4


def test_who_is_refused_and_stays_is_in_nobodys_way(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(stranger_connections=2, connections=10, linger_seconds=20))

    with connections(peer, 60, "127.0.0.3"), connections(peer, 1) as [other]:
        other.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = read(other)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_health_is_answered_first_while_four_hundred_send_slowly(start_receiver: StartReceiver) -> None:
    """Twenty each of twenty addresses, half of them in the head, half in the body: none is done when health is."""
    peer = start_receiver(Limits())
    slow_head, slow_body = b"GET /health HTTP/1.1\r\nX: ", head(peer, TRICKLE, 1000) + b"x"

    with ExitStack() as opened:
        slow = [
            connection
            for number in range(2, 22)
            for connection in opened.enter_context(connections(peer, 20, f"127.0.0.{number}"))
        ]
        for at, connection in enumerate(slow):
            connection.sendall(slow_head if at % 2 else slow_body)
        replies = [peer.ask("GET", "/health") for _ in range(20)]
        for connection in slow:
            connection.setblocking(False)
        answered = sum(has_answer(connection) for connection in slow)

    assert {reply.status for reply in replies} == {200}
    assert replies[-1].json["active_connections"] > 400
    assert answered == 0


def has_answer(connection: socket.socket) -> bool:
    try:
        connection.recv(1)
    except BlockingIOError:
        return False
    return True


def wait_until_nothing_is_staged(peer: Peer) -> None:
    """What a request takes is given back after its answer."""
    deadline = time.monotonic() + 20
    while peer.application.staging.taken and time.monotonic() < deadline:
        time.sleep(0.05)


def test_bodies_of_a_tenant_take_so_much_room_and_no_more(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(tenant_staged_bytes=1_500_000, staged_bytes=2_500_000))

    with connections(peer, 1) as [sending]:
        sending.sendall(head(peer, UPLOAD, 1_000_000) + b"x" * 1000)
        peer.ask("GET", "/health")
        same_tenant = peer.raw(head(peer, UPLOAD, 1_000_000))
        small = peer.trickle(batch())
        with connections(peer, 1) as [other_tenant]:
            other_tenant.sendall(head(peer, UPLOAD, 1_400_000, peer.other_key))
            peer.ask("GET", "/health")
            all_together = peer.raw(head(peer, UPLOAD, 200_000))
    wait_until_nothing_is_staged(peer)

    assert same_tenant.startswith(b"HTTP/1.1 429 ")
    assert small.status == 200
    assert all_together.startswith(b"HTTP/1.1 503 ")
    assert not peer.application.staging.taken
    assert peer.upload(csv_text(), machine_id="web-1").status == 200


def test_what_a_request_takes_is_given_back_however_it_ends(start_receiver: StartReceiver) -> None:
    peer = start_receiver(QUICK)

    peer.upload(csv_text(), machine_id="web-1")
    peer.upload("nonsense", machine_id="web-1")
    peer.raw(head(peer, UPLOAD, 1000) + b"x")
    with connections(peer, 1) as [gone]:
        gone.sendall(head(peer, UPLOAD, 1000) + b"x")
    wait_until_nothing_is_staged(peer)

    assert not peer.application.staging.taken


def test_requests_of_many_threads_are_all_answered(peer: Peer) -> None:
    """Each over a connection of its own that is kept: what is counted of connections and bodies ends at nothing."""
    statuses: list[int] = []

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(*peer.address, timeout=20)
        for at in range(10):
            body = json.dumps(batch(identifier=f"web-{number}-{at}"))
            connection.request("POST", TRICKLE, body, {"Authorization": f"Bearer {peer.key}"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    at_once(ask, 16)

    wait_until_nothing_is_staged(peer)
    assert statuses == [200] * 160
    assert not peer.application.staging.taken

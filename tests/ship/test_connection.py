"""The HTTP client, against a peer that writes exactly these bytes: where an answer ends, and what is none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from appliance.ship import connection
from appliance.ship.connection import Answer, Connection, NotHTTP

END = b"\r\n\r\n"


class Peer:
    """Takes connections one after the other and writes what it is told to, after each request that it has read."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        with suppress(OSError):
            self.serve()

    def serve(self) -> None:
        while self.answers:
            with self.listening.accept()[0] as connected:
                self.connections += 1
                while self.answers and (request := connected.recv(65536)):
                    self.requests.append(request)
                    connected.sendall(answer := self.answers.pop(0))
                    if b"Content-Length" not in answer and b"chunked" not in answer:
                        break

    def close(self) -> None:
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


@pytest.fixture
def client() -> Iterator[Callable[[str], Connection]]:
    made: list[Connection] = []

    def make(url: str) -> Connection:
        made.append(Connection(url))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def make(*answers: bytes) -> Peer:
        peers.append(Peer(*answers))
        return peers[-1]

    yield make
    for one in peers:
        one.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: one" + END + b"hi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Name: one"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(OK, id="with a length"),
        pytest.param(CHUNKED + END + b"1\r\nh\r\n1\r\ni\r\n0" + END, id="in chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Name: one" + END + b"hi", id="until the connection ends"),
        pytest.param(b"HTTP/1.0 200 OK\r\nX-Name: one" + END + b"hi", id="HTTP 1.0"),
        pytest.param(b"HTTP/1.1 100 Continue" + END + OK, id="after a 100"),
    ],
)  # fmt: skip
def test_an_answer_is_read_to_its_end(
    peer: Callable[..., Peer], client: Callable[[str], Connection], sent: bytes
) -> None:
    answer = client(peer(sent).url).post("/v1", b"body", {})

    assert (answer.status, answer.body, answer.headers["x-name"]) == (200, b"hi", "one")


def test_one_connection_serves_many_requests(peer: Callable[..., Peer], client: Callable[[str], Connection]) -> None:
    server = peer(OK, OK, OK)
    kept = client(server.url)

    answers = [kept.post("/v1", b"body", {"A": "b"}) for _ in range(3)]

    assert answers == [Answer(200, {"content-length": "2", "x-name": "one"}, b"hi")] * 3
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /v1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.requests[0].endswith(b"A: b\r\nContent-Length: 4" + END + b"body")


def test_after_an_answer_with_more_than_was_asked_for_the_next_request_has_a_connection_of_its_own(
    peer: Callable[..., Peer], client: Callable[[str], Connection]
) -> None:
    server = peer(OK + OK.replace(b"hi", b"no"), OK)
    kept = client(server.url)

    answers = [kept.post("/v1", b"", {}).body for _ in range(2)]

    assert answers == [b"hi", b"hi"]
    assert server.connections == 2


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"220 mail ESMTP\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Na", id="cut in the head"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 10" + END + b"short", id="cut in the body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * connection.MAX_HEAD_BYTES + b"a", id="a head without an end"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade" + END, id="an upgrade"),
    ],
)
def test_what_is_no_whole_answer_is_none(
    peer: Callable[..., Peer], client: Callable[[str], Connection], sent: bytes
) -> None:
    broken = client(peer(sent).url)

    with pytest.raises(NotHTTP):
        broken.post("/v1", b"body", {})

    assert broken.socket is None


def test_a_header_that_would_become_two_is_not_sent() -> None:
    with pytest.raises(ValueError, match="may not be there"):
        Connection("http://box").head("POST", "/v1", {"A": "b\r\nC: d"})


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://box", b"Host: box\r\n", b"POST /v1 "),
        ("http://[::1]:8080/a b/ü", b"Host: [::1]:8080\r\n", b"POST /a%20b/%C3%BC/v1 "),
        ("http://bücher.example", b"Host: xn--bcher-kva.example\r\n", b"POST /v1 "),
    ],
)
def test_a_request_names_the_host_and_path_as_they_are_on_the_wire(url: str, host: bytes, path: bytes) -> None:
    head = Connection(url).head("POST", "/v1", {})

    assert host in head
    assert head.startswith(path)

"""What the tests of sending share: receivers that answer as they are told."""

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from answering_receiver import Answer, Receiver, Request

Reply = tuple[int, dict[str, str], bytes]


@pytest.fixture
def start_server() -> Iterator[Callable[..., tuple[str, list[Any]]]]:
    """Start a server that gives one answer after the other and keeps what it was sent."""
    with ExitStack() as running:

        def start(*replies: Reply) -> tuple[str, list[Any]]:
            left, received = list(replies), list[Any]()

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    received.append((self.path, self.headers, body))
                    status, headers, content = left.pop(0) if len(left) > 1 else left[0]
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(content)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

                do_GET = do_POST  # noqa: N815 - its name is of the base class

                def log_message(self, *_: object) -> None:
                    pass

            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            running.callback(server.server_close)
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}", received

        yield start


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def start(*answers: Callable[[Request], Answer], port: int = 0, tls: ssl.SSLContext | None = None) -> Receiver:
        started.append(Receiver(*answers, port=port, tls=tls))
        return started[-1]

    yield start
    for each in started:
        each.close()

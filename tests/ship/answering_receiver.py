"""A small receiver that answers as it is told, for what a real one does only when something is wrong."""

import hashlib
import http.client
import json
import ssl
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


def sample(at: int) -> bytes:
    return b'{"timestamp":%d,"subsystem":"/proc/stat","measurement":"cpu  1 2\\n"}\n' % at * 2


class Request(NamedTuple):
    path: str
    headers: http.client.HTTPMessage
    body: bytes
    connection: tuple[str, int]

    @property
    def times(self) -> list[int]:
        return sorted({record["timestamp"] for record in json.loads(self.body)["measurements"]})

    @property
    def digest(self) -> str:
        machine = json.loads(self.body)["identifier"].encode()
        run = self.headers["Perfanalysis-Run"].encode()
        return hashlib.sha256(b"\0".join([b"pa1", b"trickle", machine, self.body, run])).hexdigest()


Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers and body; None closes the connection without an answer."""


def stored(request: Request) -> Answer:
    return 200, {}, json.dumps({"error": None, "batch": request.digest}).encode()


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[Request], Answer]:
    return lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class Receiver:
    """Answers each request with the next of its answers, and the last one for ever."""

    def __init__(self, *answers: Callable[[Request], Answer], port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, self.headers, zlib.decompress(content, 31), self.client_address)
                receiver.requests.append(request)
                said = receiver.answers[min(len(receiver.requests), len(receiver.answers)) - 1](request)
                if said is None:
                    self.close_connection = True
                    return
                status, headers, body = said
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        # A handshake that a client breaks off is what some tests are about.
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

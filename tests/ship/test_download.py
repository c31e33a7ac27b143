"""Downloading: what a server that is no receiver, or one that stops in the middle, may do to us."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from appliance.errors import BadConfiguration, NotFound, PerfanalysisError, Unavailable
from appliance.ship.download import export

Reply = tuple[int, dict[str, str], bytes]
CSV = {"Content-Type": "text/csv; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def start_server() -> Iterator[Callable[[Reply], tuple[str, list[str]]]]:
    """Start a server that always gives the same answer, and keeps what it was asked."""
    with ExitStack() as running:

        def start(reply: Reply) -> tuple[str, list[str]]:
            asked: list[str] = []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    asked.append(f"{self.path} {self.headers['Authorization']}")
                    status, headers, content = reply
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(content)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

                def log_message(self, *_: object) -> None:
                    pass

            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            running.callback(server.server_close)
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}", asked

        yield start


def test_the_csv_is_given_as_it_comes(start_server: Callable[[Reply], tuple[str, list[str]]]) -> None:
    content = "ä" * 100_001
    url, asked = start_server((200, CSV, content.encode()))

    text = "".join(export(url, "pa1_key", "web 1", "2026-01-01", ""))

    assert text == content
    assert asked == ["/api/v1/performance/export?machine_id=web+1&start=2026-01-01&format=csv Bearer pa1_key"]


@pytest.mark.parametrize(
    ("reply", "error", "sentence"),
    [
        ((200, {**CSV, "Content-Length": "100"}, b"half"), Unavailable, "before all of it came"),
        ((200, {"Content-Type": "text/html"}, b"<h1>Log in</h1>"), BadConfiguration, "does not answer as a receiver"),
        ((302, {"Location": "http://elsewhere"}, b""), BadConfiguration, "a key is not sent there"),
        ((404, JSON, b'{"error_code":"NOT_FOUND","message":"there is no machine x."}'), NotFound, "no machine x"),
        ((404, {"Content-Type": "text/html"}, b"nothing"), BadConfiguration, "HTTP status 404"),
        ((503, JSON, b'{"message":"too much"}'), Unavailable, "cannot take it now: too much"),
    ],
)
def test_an_answer_that_is_not_the_whole_csv_is_an_error(
    start_server: Callable[[Reply], tuple[str, list[str]]],
    reply: Reply,
    error: type[PerfanalysisError],
    sentence: str,
) -> None:
    url, _ = start_server(reply)

    with pytest.raises(error, match=sentence):
        list(export(url, "pa1_key", "web-1"))


@pytest.mark.parametrize("key", ["", "a\nb", "schlüssel"])
def test_a_key_that_is_none_is_not_sent(key: str) -> None:
    with pytest.raises(BadConfiguration, match="copy it again"):
        list(export("http://127.0.0.1:1", key, "web-1"))

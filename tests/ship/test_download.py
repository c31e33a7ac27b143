"""Downloading: what a server that is no receiver, or one that stops in the middle, may do to us."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import BadConfiguration, NotFound, PerfanalysisError, Unavailable
from appliance.ship.download import export

StartServer = Callable[..., tuple[str, list[Any]]]
CSV = {"Content-Type": "text/csv; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


def test_the_csv_is_given_as_it_comes(start_server: StartServer) -> None:
    content = "ä" * 100_001
    url, asked = start_server((200, CSV, content.encode()))

    text = "".join(export(url, "pa1_key", "web 1", "2026-01-01", ""))

    assert text == content
    ((path, headers, _),) = asked
    assert path == "/api/v1/performance/export?machine_id=web+1&start=2026-01-01&format=csv"
    assert headers["Authorization"] == "Bearer pa1_key"


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
    start_server: StartServer,
    reply: tuple[int, dict[str, str], bytes],
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

"""One connection to a receiver, kept open between requests; nothing is followed and no proxy is asked."""

import http.client
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from appliance.errors import UsageError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
MAX_ANSWER_BYTES = 64 << 10


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connection:
    def __init__(self, url: str) -> None:
        """Prepare to talk to http(s)://HOST[:PORT][/PATH]; raise UsageError if it is no such address."""
        scheme, host, port, self.prefix = address(url)
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self.http = kind(host, port, timeout=CONNECT_SECONDS)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request and return its answer; raise OSError or HTTPException where there is none."""
        reused = self.http.sock is not None
        try:
            return self.exchange(path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not reused:
                raise
        # The receiver had closed what we kept open: that says nothing about it, and a batch may be sent twice.
        return self.exchange(path, body, headers)

    def exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            if self.http.sock is None:
                self.connect()
            # A receiver that refuses a request by its head closes before it has all of it: its answer may be there.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.http.request("POST", self.prefix + path, body, dict(headers))
            with self.http.getresponse() as response:
                answer = Answer(response.status, response.headers, response.read(MAX_ANSWER_BYTES))
                if not response.isclosed():
                    # Longer than any answer of a receiver.
                    self.close()
                return answer
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def connect(self) -> None:
        self.http.connect()
        self.http.sock.settimeout(ANSWER_SECONDS)

    def close(self) -> None:
        self.http.close()


def address(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path of a receiver's address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        # The name of a host as the resolver wants it: more than 63 letters between dots are none.
        host.encode("idna")
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{url[:200]!r} is not the address of a receiver: write it like http://192.0.2.1:8080."
        ) from None
    if parts.username is not None:
        raise UsageError("the address of a receiver has no user or password in it: the key has a file of its own.")
    return parts.scheme, host, port, parts.path.rstrip("/")

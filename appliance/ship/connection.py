"""
One connection to a receiver, kept open between requests; nothing is followed and no proxy is asked.

With https the certificate is verified, by the system's authorities or by those of a file.
"""

import http.client
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from appliance.errors import BadConfiguration, NoInput, UsageError

if TYPE_CHECKING:
    import ssl

UNIX = "unix"
CONNECT_SECONDS = 5
OTHER_NAME = (62, 64)
"""OpenSSL's codes of a certificate that is another host's, or another address's."""
ANSWER_SECONDS = 30
MAX_ANSWER_BYTES = 64 << 10


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connection:
    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        """Prepare to talk to http(s)://HOST[:PORT][/PATH] or unix:PATH; raise UsageError if it is no such address."""
        self.url, self.ca_file = url, ca_file
        self.scheme, self.host, self.port, self.prefix = address(url)
        self.http: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Send a request and return its answer.

        Raises OSError or HTTPException where there is none, BadConfiguration or NoInput where that is by the settings.
        """
        reused = self.http is not None
        try:
            return self.exchange(path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not reused:
                raise
        # The receiver had closed what we kept open: that says nothing about it, and a batch may be sent twice.
        return self.exchange(path, body, headers)

    def exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            connection = self.http = self.http or self.connect()
            # A receiver that refuses a request by its head closes before it has all of it: its answer may be there.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", self.prefix + path, body, dict(headers))
            with connection.getresponse() as response:
                answer = Answer(response.status, response.headers, response.read(MAX_ANSWER_BYTES))
                # Longer than any answer of a receiver, or the last one here.
                if not response.isclosed() or connection.sock is None:
                    self.close()
                return answer
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def connect(self) -> http.client.HTTPConnection:
        connection = open_connection(self.scheme, self.host, self.port, CONNECT_SECONDS, self.ca_file)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            if (why := untrusted(error)) is not None:
                raise BadConfiguration(f"the certificate of {self.url} is not trusted: {why}.") from error
            raise
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection

    def close(self) -> None:
        if self.http is not None:
            self.http.close()
            self.http = None


def open_connection(
    scheme: str, host: str, port: int | None, timeout_seconds: float | None, ca_file: Path | None = None
) -> http.client.HTTPConnection:
    """Return a connection that connects when it is used; raise NoInput or BadConfiguration for a file of no use."""
    if scheme == UNIX:
        return UnixConnection(host, timeout_seconds)
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=trusted(ca_file))
    return http.client.HTTPConnection(host, port, timeout=timeout_seconds)


class UnixConnection(http.client.HTTPConnection):
    """A connection to the receiver of this machine, by its socket."""

    def __init__(self, path: str, timeout_seconds: float | None) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def trusted(ca_file: Path | None) -> "ssl.SSLContext":
    """Return what verifies a receiver's certificate."""
    # Late, here and below: most of what a recorder that sends has in memory is this.
    import ssl  # noqa: PLC0415

    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise BadConfiguration(f"{ca_file} holds no certificate of an authority, in PEM form.") from error
    except OSError as error:
        raise NoInput(f"the certificates {ca_file} cannot be read: {error.strerror}.") from error


def untrusted(error: OSError) -> str | None:
    """Say why a certificate was not believed; None if that is not what is wrong."""
    import ssl  # noqa: PLC0415

    if not isinstance(error, ssl.SSLCertVerificationError):
        return None
    said = error.verify_message.rstrip(".")
    return said if error.verify_code in OTHER_NAME else f"{said}; name its authority with --ca-file"


def is_plain(url: str) -> bool:
    """Say whether what goes to a receiver can be read on the way: without TLS, and not on this machine alone."""
    scheme, host, _, _ = address(url)
    digits = host.replace(".", "").isdigit()
    return scheme == "http" and not (host in {"localhost", "::1"} or (digits and host.startswith("127.")))


def address(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path of a receiver's address; of a socket "unix" and its path as the host."""
    scheme, _, path = url.partition(":")
    if scheme == UNIX and path.startswith("/") and "\0" not in path:
        return UNIX, path, None, ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        # The name of a host as the resolver wants it: more than 63 letters between dots are none.
        host.encode("idna")
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{url[:200]!r} is not the address of a receiver: write it like http://192.0.2.1:8080 or unix:/run/x.sock."
        ) from None
    if parts.username is not None:
        raise UsageError("the address of a receiver has no user or password in it: the key has a file of its own.")
    return parts.scheme, host, port, parts.path.rstrip("/")

"""
HTTP with a receiver: one connection, kept open between requests; nothing is followed and no proxy is asked.

With https the certificate is verified, by the system's authorities or by those of a file. Answers are parsed by
httptools: `http.client` would take 6 MB of a recorder that has 16, with the mail headers and TLS it brings.
"""

import socket
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import httptools

from appliance import __version__
from appliance.errors import BadConfiguration, NoInput, UsageError

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 5
OTHER_NAME = (62, 64)
"""OpenSSL's codes of a certificate that is another host's, or another address's."""
ANSWER_SECONDS = 30
MAX_HEAD_BYTES = 64 << 10
MAX_ANSWER_BYTES = 64 << 10
PIECE_BYTES = 64 << 10
PORTS = {"http": 80, "https": 443}
LONGEST_LABEL = 63
MIN_STATUS = 200
PATH_LETTERS = "/%:@!$&'()*+,;="
"""Of a path that stay as they are, besides letters and digits."""


class NotHTTP(Exception):
    """What answers does not speak HTTP, or stopped in the middle of an answer."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes


class Connection:
    def __init__(
        self, url: str, ca_file: Path | None = None, *,
        connect_seconds: float | None = CONNECT_SECONDS, answer_seconds: float | None = ANSWER_SECONDS,
    ) -> None:  # fmt: skip
        """Prepare to talk to http(s)://HOST[:PORT][/PATH]; raise UsageError if it is no such address."""
        self.url, self.ca_file = url, ca_file
        self.connect_seconds, self.answer_seconds = connect_seconds, answer_seconds
        self.scheme, self.host, port, self.prefix = address(url)
        self.port = PORTS[self.scheme] if port is None else port
        shown = f"[{self.host}]" if ":" in self.host else encoded(self.host).decode("ascii")
        self.authority = shown if port is None else f"{shown}:{port}"
        self.socket: socket.socket | None = None
        self.reply = Reply()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Send a request and return its answer, or the beginning of one that is longer than MAX_ANSWER_BYTES.

        Raises OSError or NotHTTP where there is none, BadConfiguration or NoInput where that is by the settings.
        """
        reused = self.socket is not None
        try:
            return self.exchange(path, body, headers)
        except ConnectionError:
            if not reused:
                raise
        # The receiver had closed what we kept open: that says nothing about it, and a batch may be sent twice.
        return self.exchange(path, body, headers)

    def exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        status, answered = self.request("POST", path, {**headers, "Content-Length": str(len(body))}, (body,))
        return Answer(status, answered, self.read(MAX_ANSWER_BYTES))

    def request(
        self, method: str, path: str, headers: Mapping[str, str], pieces: Iterable[bytes] = ()
    ) -> tuple[int, Mapping[str, str]]:
        """Send a request piece by piece; return status and headers of its answer. `read` or `pieces` gives its body."""
        try:
            connected = self.connect()
            self.reply = Reply()
            # A receiver that refuses a request by its head closes before it has all of it: its answer may be there.
            try:
                unsent = self.head(method, path, headers)
                for piece in pieces:
                    # The head goes with what follows it: a packet less, and a receiver wakes up once.
                    connected.sendall(unsent + piece)
                    unsent = b""
                connected.sendall(unsent)
            except (BrokenPipeError, ConnectionResetError):
                self.reply.last = True
            while not self.reply.headed:
                self.receive(connected)
        except BaseException:
            # Whatever goes wrong in the middle, also in what gives the pieces: nothing else may follow on this one.
            self.close()
            raise
        return self.reply.status, self.reply.headers

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        named = {"Host": self.authority, "User-Agent": f"perfanalysis/{__version__}", **headers}
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        if not all(line.isprintable() for line in lines):
            raise ValueError("a line of a request's head has a character that may not be there")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def read(self, most_bytes: int) -> bytes:
        """Return the body of an answer, or its beginning, after which the connection is closed."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) >= most_bytes:
                self.close()
                break
        return bytes(found[:most_bytes])

    def pieces(self) -> Iterator[bytes]:
        """Give the body of an answer as it comes; raise OSError, or NotHTTP where it ends too soon."""
        reply = self.reply
        try:
            while True:
                while reply.body:
                    yield reply.body.popleft()
                if reply.over or self.socket is None:
                    break
                self.receive(self.socket)
        except (OSError, NotHTTP):
            self.close()
            raise
        if reply.last:
            self.close()

    def receive(self, connected: socket.socket) -> None:
        """Wait for more of an answer."""
        data = connected.recv(PIECE_BYTES)
        if data:
            self.reply.take(data)
        else:
            self.reply.end()

    def connect(self) -> socket.socket:
        """Return the open connection, made now where there is none."""
        if self.socket is not None:
            return self.socket
        # The resolver takes bytes too, and Python's tables for a name that is text would be loaded for it.
        where: tuple[Any, int] = (encoded(self.host), self.port)
        connected = socket.create_connection(where, self.connect_seconds)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.scheme == "https":
                connected = trusted(self.ca_file).wrap_socket(connected, server_hostname=self.host)
        except OSError as error:
            connected.close()
            if (why := untrusted(error)) is not None:
                raise BadConfiguration(f"the certificate of {self.url} is not trusted: {why}.") from error
            raise
        except BaseException:
            connected.close()
            raise
        connected.settimeout(self.answer_seconds)
        self.socket = connected
        return connected

    def abort(self) -> None:
        """End a request that another thread waits for, which then raises what it does for a broken connection."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Reply:
    """An answer as it comes in; its `on_` methods are called by the parser."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = self.size = 0
        self.headers: dict[str, str] = {}
        """By names in small letters."""
        self.body: deque[bytes] = deque()
        """Pieces that were not taken yet."""
        self.begun = self.headed = self.over = self.last = False
        """Whether anything came, the whole head, the whole body; and whether the connection is of no use afterwards."""

    def take(self, data: bytes) -> None:
        self.begun = True
        self.size += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NotHTTP(str(error) or type(error).__name__) from error
        if not self.headed and self.size > MAX_HEAD_BYTES:
            raise NotHTTP("its head has no end")

    def end(self) -> None:
        """The connection was closed."""
        if not self.begun:
            raise ConnectionResetError("the connection was closed without an answer")
        if not self.headed or not self.headers.keys().isdisjoint({"content-length", "transfer-encoding"}):
            raise NotHTTP("the connection was closed in the middle of an answer")
        # Without a length the body ends with the connection.
        self.over = self.last = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headed:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.headed:
            return
        self.status = self.parser.get_status_code()
        # What comes before an answer, such as "100 Continue", is none.
        self.headed = self.status >= MIN_STATUS
        if not self.headed:
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        if not self.over:
            self.body.append(body)

    def on_message_complete(self) -> None:
        # Whatever follows was not asked for.
        self.last = self.last or self.over or not self.parser.should_keep_alive()
        self.over = self.headed


def trusted(ca_file: Path | None) -> "ssl.SSLContext":
    """Return what verifies a receiver's certificate."""
    # Late, here and below: it is 5 MB, of a recorder that has 16.
    import ssl  # noqa: PLC0415

    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise BadConfiguration(f"{ca_file} holds no certificate of an authority, in PEM form.") from error
    except OSError as error:
        raise NoInput(f"the certificates {ca_file} cannot be read: {error.strerror}.") from error


def untrusted(error: OSError) -> str | None:
    """Say why a certificate was not believed; None if that is not what is wrong."""
    # Only TLS has it, and where TLS is not used it is not to be loaded.
    code = getattr(error, "verify_code", None)
    if code is None:
        return None
    said = str(getattr(error, "verify_message", "")).rstrip(".")
    return said if code in OTHER_NAME else f"{said}; name its authority with --ca-file"


def is_plain(url: str) -> bool:
    """Say whether what goes to a receiver can be read on the way: without TLS, and not on this machine alone."""
    scheme, host, _, _ = address(url)
    digits = host.replace(".", "").isdigit()
    return scheme == "http" and not (host in {"localhost", "::1"} or (digits and host.startswith("127.")))


def address(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path of a receiver's address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        encoded(host)
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{url[:200]!r} is not the address of a receiver: write it like http://192.0.2.1:8080."
        ) from None
    if parts.username is not None:
        raise UsageError("the address of a receiver has no user or password in it: the key has a file of its own.")
    return parts.scheme, host, port, quote(parts.path.rstrip("/"), safe=PATH_LETTERS)


def encoded(host: str) -> bytes:
    """Return the name of a host as the resolver wants it; raise ValueError where it can be none."""
    if not host.isascii():
        # Only then: Python's tables for this take 2 MB.
        return host.encode("idna")
    if not all(0 < len(label) <= LONGEST_LABEL for label in host.removesuffix(".").split(".")):
        raise ValueError
    return host.encode("ascii")

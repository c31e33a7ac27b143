"""
A connection: waitress's, which asks about a request's head before it reads the body, and for which nobody waits long.

What waitress itself refuses is answered in the shape of all our errors. All is done by subclassing what it takes
from its classes: `channel_class`, `parser_class`, `task_class`, `error_task_class`. A test holds what is touched.
"""

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, RequestHeaderFieldsTooLarge

from appliance.errors import InvalidKey
from appliance.receive import answers
from appliance.receive.answers import Refused
from appliance.receive.application import CLIENT, FOUND, GRANT, STARTED
from appliance.receive.client import Client
from appliance.receive.tls import WAITING

if TYPE_CHECKING:
    from appliance.receive.server import Server

WHAT_WAITRESS_SAYS = {
    400: ("BAD_REQUEST", "The request is not HTTP that is accepted."),
    413: ("PAYLOAD_TOO_LARGE", "The body is larger than any that is accepted."),
    431: ("HEADERS_TOO_LARGE", "The head of the request is too large."),
}
TOO_LARGE = 431
LONE_NEWLINE = re.compile(rb"(?<!\r)\n|\r\n[ \t]")
"""A line that ends as no line of HTTP does, or that is folded, which some read as one line and some as two."""
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
TLS_RECORD_BYTES = 16 << 10
CONFIRM_SECONDS = 0.5
"""How often it is asked whether the key of a request whose body still comes has ended."""
PLAIN = Refused(421, "BAD_REQUEST", "Here TLS is spoken: the address begins with https://.")


def nothing() -> None:
    """End what holds nothing."""


class Parser(HTTPRequestParser):
    """Stops after the head of a request that is refused."""

    error: Any
    url_scheme: Any
    path = "-"
    """Until a head was read."""

    def __init__(self, channel: "Channel", adj: Adjustments):
        super().__init__(adj)
        self.channel = channel
        self.asked = False
        self.started = self.head_ended = self.confirmed = time.monotonic()
        self.client = Client(channel.addr[0], None, local=False)
        self.end: Callable[[], None] = nothing
        self.head: dict[str, Any] = {}
        """What the application was told of the head, with what it found out."""

    def received(self, data: bytes) -> int:
        try:
            consumed = super().received(data)
        except OSError as error:
            # The body found no place on the disk.
            self.error, consumed = error, len(data)
        if self.error is None and not self.headers_finished and LONE_NEWLINE.search(self.header_plus):
            self.error = BadRequest("A line of the head does not end with CR LF")
        if self.headers_finished and not self.asked and not self.empty:
            self.asked, self.head_ended = True, time.monotonic()
            self.confirmed = self.head_ended
            # A head that could be read is the application's to refuse, even where waitress finds the body too large.
            if self.error is None or getattr(self.error, "code", 0) == 413:
                self.error = self.begin() or self.error
            if self.channel.server.is_crowded():
                # Those that keep their connections would keep everyone else out.
                self.headers["CONNECTION"] = "close"
        if self.error:
            # Neither ask for the rest nor take it for another request.
            self.completed, self.expect_continue = True, False
            return len(data)
        return int(consumed)

    def begin(self) -> Exception | None:
        self.client = self.channel.server.proxies.client(self.channel.addr[0], self.headers)
        self.url_scheme = self.client.scheme or self.url_scheme
        self.head = self.environ()
        try:
            self.end = self.channel.server.begin(self.head)
        except Exception as error:  # noqa: BLE001 - the boundary of the receiver: an answer is made of it
            return error
        if self.head[GRANT] is not None:
            self.channel.known()
        return None

    def parse_header(self, header_plus: bytes) -> None:
        # The line of the request and the empty line are none.
        if header_plus.count(b"\r\n") - 2 > self.channel.server.limits.headers:
            super().parse_header(b"GET / HTTP/1.0\r\n")
            self.error = RequestHeaderFieldsTooLarge("too many headers")
            return
        if LONE_NEWLINE.search(header_plus) or CONTROL.search(header_plus.partition(b"\r\n")[0]):
            raise ParsingError("The head has a control character or a folded line")
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # A number of 5,000 digits, an address such as http://[::1
            raise ParsingError("The head cannot be read") from error
        hosts = self.headers.get("HOST")
        if not self.version or (self.version == "1.1" and hosts is None) or "," in (hosts or ""):
            raise ParsingError("The head has no version, no Host, or more than one")

    def environ(self) -> dict[str, Any]:
        """Return of the request's head what the application looks at, in the form it will come to it in."""
        headers = {f"HTTP_{name}": value for name, value in self.headers.items()}
        if self.chunked:
            headers["HTTP_TRANSFER_ENCODING"] = "chunked"
        return {
            **headers,
            "REQUEST_METHOD": self.command,
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "CONTENT_LENGTH": self.headers.get("CONTENT_LENGTH", ""),
            "wsgi.url_scheme": self.url_scheme,
            CLIENT: self.client,
            STARTED: self.started,
        }

    def overdue(self, now: float) -> bool:
        """Say whether the sender has taken too long for the head, or for what it has sent of the body."""
        limits = self.channel.server.limits
        if not self.headers_finished:
            return now - self.started > limits.header_seconds
        earned = max(limits.body_seconds, self.body_bytes_received / limits.least_bytes_per_second)
        return now - self.head_ended > min(limits.upload_seconds, earned)

    def outlived(self, now: float) -> bool:
        """Say whether the key has ended since the head was read, asking often enough that this is seen in a second."""
        if not self.head or now - self.confirmed < CONFIRM_SECONDS:
            return False
        self.confirmed = now
        return not self.channel.server.receiver.still_allowed(self.head)

    def close(self) -> None:
        super().close()
        end, self.end = self.end, nothing
        end()


class Exchange(WSGITask):
    """Gives the application a request, and tells it whom it is from."""

    def get_environment(self) -> dict[str, Any]:
        if self.environ is None:
            environ = super().get_environment()
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = self.request.client.address
            head = self.request.head
            environ |= {name: head[name] for name in FOUND if name in head}
            environ |= {CLIENT: self.request.client, STARTED: self.request.started}
        found: dict[str, Any] = self.environ
        return found


class Refusal(ErrorTask):
    """Answers a request that never came to the application."""

    def execute(self) -> None:
        # Of a head that is too large nothing was read: waitress parses one of its own making in its place.
        known = hasattr(self.request, "query") and getattr(self.request.error, "code", 0) != TOO_LARGE
        environ = self.request.head or (self.request.environ() if known else {})
        environ |= {CLIENT: self.request.client, STARTED: self.request.started}
        answer = self.channel.server.receiver.answer(translated(self.request.error), environ)
        self.channel.server.receiver.answered(environ, answer.status, dict(answer.headers), None)
        self.status = answer.status
        self.response_headers.extend(answers.complete(answer.headers))
        self.set_close_on_finish()
        self.channel.unread = True
        self.content_length = len(answer.body)
        self.write(b"" if known and self.request.command == "HEAD" else answer.body)


class Channel(HTTPChannel):
    task_class = Exchange
    error_task_class = Refusal
    unread = False
    """Whether there may be more than was read when the connection is closed."""
    lingering_since: float | None = None
    writing_since: float | None = None
    sent_bytes = 0
    stranger = ""
    """Under which name the connection counts as a stranger's; none once it has shown a valid key."""
    server: "Server"
    request: Any

    def __init__(self, server: "Server", *arguments: Any, **named: Any):
        self.parser_class: Any = partial(Parser, self)
        self.waiting_since = time.monotonic()
        super().__init__(server, *arguments, **named)

    def known(self) -> None:
        name, self.stranger = self.stranger, ""
        if name:
            self.server.strangers.gone(name)

    def readable(self) -> bool:
        return self.lingering_since is not None or bool(super().readable())

    def handle_read(self) -> None:
        try:
            data = self.recv(self.adj.recv_bytes)
        except WAITING:
            return
        except OSError:
            self.handle_close()
            return
        if not data:
            self.connected = False
        elif self.lingering_since is None:
            self.last_activity = time.time()
            self.received(data)

    def handle_write(self) -> None:
        if not (self.close_when_flushed and self.unread) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self.linger()

    def say_last(self, answer: bytes) -> None:
        """Send an answer to whatever is asked, and end."""
        with self.outbuf_lock:
            self.outbufs[-1].append(answer)
            self.total_outbufs_len += len(answer)
        self.unread = self.close_when_flushed = True
        self.handle_write()

    def linger(self) -> None:
        """Say that no more will come, and read on for a moment: who still sends would never read the answer."""
        self.close_when_flushed = False
        self.lingering_since = time.monotonic()
        try:
            self.goodbye()
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.will_close = True

    def goodbye(self) -> None:
        """Say on the connection that it ends; plain ones have nothing to say."""

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self.sent_bytes += sent
        return sent

    def service(self) -> None:
        # Before, too: nobody is to find this connection idle between the end of its request and the next line.
        self.waiting_since = time.monotonic()
        super().service()
        self.waiting_since = time.monotonic()
        if (next_request := self.request) is not None:
            # It came together with this one, and was not read on meanwhile.
            next_request.started = next_request.head_ended = self.waiting_since

    def handle_close(self) -> None:
        self.known()
        self.server.leaving.discard(self)
        super().handle_close()
        request, self.request = self.request, None
        if request is not None:
            # Of a request that has come whole, the thread that answers it takes care.
            request.close()

    def is_silent_since(self, moment: float) -> bool:
        """Say whether nothing has been asked here since then, not to its end."""
        silent = self.request is None or not self.request.headers_finished
        busy = self.requests or self.total_outbufs_len or self.lingering_since is not None
        return silent and not busy and self.waiting_since < moment

    def look(self, now: float) -> bool:
        """
        End what takes too long, and say whether that was so; called several times a second.

        At once: told to close, waitress waits until the other end reads.
        """
        if self.total_outbufs_len:
            over = self.writes_slowly(now)
            if over:
                self.handle_close()
            return over
        self.writing_since = None
        if self.lingering_since is not None:
            over = now - self.lingering_since > self.server.limits.linger_seconds
        elif self.requests:
            over = False
        elif (request := self.request) is not None:
            if request.overdue(now):
                return self.end_early(request, Refused(408, "REQUEST_TIMEOUT", "The request took too long to arrive."))
            ended = InvalidKey("The API key is missing or not valid.")
            return bool(request.outlived(now)) and self.end_early(request, ended)
        else:
            over = now - self.waiting_since > self.server.limits.idle_seconds
        if over:
            self.handle_close()
        return over

    def writes_slowly(self, now: float) -> bool:
        """Say whether too little of an answer went in the span that ends now."""
        limits = self.server.limits
        seconds = 0.0 if self.writing_since is None else now - self.writing_since
        # Anew each time: the system takes the first megabytes at once, whoever reads.
        if self.writing_since is not None and seconds <= limits.write_seconds:
            return False
        slow = self.sent_bytes < seconds * limits.least_bytes_per_second
        self.writing_since, self.sent_bytes = now, 0
        return slow

    def end_early(self, request: Parser, why: Exception) -> bool:
        """Answer a request that has not come whole."""
        with self.requests_lock:
            request.error = why
            request.completed, self.request = True, None
            self.requests.append(request)
        self.server.add_task(self)
        return True


class TlsChannel(Channel):
    """A connection with TLS: everything is done a bit at a time, when the other end has done its bit."""

    shaken = False
    wants_to_write = False

    def __init__(self, server: "Server", *arguments: Any, **named: Any):
        # The library may not be asked to read and to write at the same moment.
        self.turn = threading.RLock()
        super().__init__(server, *arguments, **named)
        self.sendbuf_len = TLS_RECORD_BYTES

    def readable(self) -> bool:
        return super().readable() if self.shaken else not self.wants_to_write

    def writable(self) -> bool:
        return bool(super().writable()) if self.shaken else self.wants_to_write or self.will_close

    def handle_read(self) -> None:
        if self.shaken:
            super().handle_read()
        else:
            self.shake()

    def handle_write(self) -> None:
        if self.shaken or self.will_close:
            super().handle_write()
        else:
            self.shake()

    def shake(self) -> None:
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.wants_to_write = False
        except ssl.SSLWantWriteError:
            self.wants_to_write = True
        except (OSError, ValueError) as error:
            if getattr(error, "reason", None) == "HTTP_REQUEST":
                self.answer_plainly()
            else:
                self.handle_close()
        else:
            self.shaken, self.waiting_since = True, time.monotonic()

    def answer_plainly(self) -> None:
        """Tell who speaks HTTP without TLS, in its language."""
        with suppress(OSError):
            os.write(self.socket.fileno(), answers.whole(PLAIN))
        self.shaken = True
        self.linger()

    def recv(self, buffer_size: int) -> bytes:
        with self.turn:
            return bytes(super().recv(buffer_size))

    def send(self, data: bytes, do_close: bool = True) -> int:
        with self.turn:
            try:
                return super().send(data, do_close)
            except WAITING:
                return 0

    def goodbye(self) -> None:
        if self.shaken and self.socket is not None:
            # It sends its part of the farewell and would wait for the other.
            with self.turn, suppress(OSError, ValueError):
                self.socket.unwrap()

    def handle_close(self) -> None:
        self.goodbye()
        super().handle_close()

    def look(self, now: float) -> bool:
        if self.shaken:
            return super().look(now)
        over = now - self.waiting_since > self.server.limits.handshake_seconds
        if over:
            self.handle_close()
        return over


def translated(error: Any) -> Exception:
    """Return the error of ours for one that waitress made."""
    if isinstance(error, Exception):
        return error
    if error.code == 501:
        return Refused(411, "LENGTH_REQUIRED", "Say how long the body is: send Content-Length, and no encoding.")
    if error.code in WHAT_WAITRESS_SAYS:
        return Refused(error.code, *WHAT_WAITRESS_SAYS[error.code])
    return RuntimeError(error.body)

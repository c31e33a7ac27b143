"""
The receiver's server: waitress, which here asks the application about a request's head before it reads the body.

What waitress itself refuses is answered in the shape of all our errors. Both are done by subclassing what it takes
from its classes: `channel_class`, `parser_class`, `error_task_class`. A test holds what is touched.
"""

import errno
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from appliance.errors import InUse, NoPermission, Unavailable, UsageError
from appliance.receive import answers, log
from appliance.receive.answers import Refused
from appliance.receive.application import Application
from appliance.receive.limits import PIECE_BYTES

BACKLOG = 1024
CROWDED_SHARE = 0.75
"""Of the connections that may be open: beyond it each is closed after its answer."""
WHAT_WAITRESS_SAYS = {
    400: ("BAD_REQUEST", "The request is not HTTP that is accepted."),
    413: ("PAYLOAD_TOO_LARGE", "The body is larger than any that is accepted."),
    431: ("HEADERS_TOO_LARGE", "The head of the request is too large."),
}


class Parser(HTTPRequestParser):
    """Stops after the head of a request that is refused."""

    error: Any

    def __init__(self, server: "Server", adj: Adjustments):
        super().__init__(adj)
        self.server = server
        self.asked = False
        self.started = time.monotonic()

    def received(self, data: bytes) -> int:
        consumed = super().received(data)
        if self.headers_finished and not self.asked and not self.empty:
            self.asked = True
            # A head that could be read is the application's to refuse, even where waitress finds the body too large.
            if self.error is None or self.error.code == 413:
                self.error = self.server.refusal(self.environ()) or self.error
            if self.server.is_crowded():
                # Those that keep their connections would keep everyone else out.
                self.headers["CONNECTION"] = "close"
        if self.error:
            # Neither ask for the rest nor take it for another request.
            self.completed, self.expect_continue = True, False
            return len(data)
        return int(consumed)

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # A number of 5,000 digits, an address such as http://[::1
            raise ParsingError("The head cannot be read") from error

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
        }


class Refusal(ErrorTask):
    """Answers a request that never came to the application."""

    def execute(self) -> None:
        answer = answers.to(translated(self.request.error))
        started = getattr(self.request, "started", time.monotonic())
        log.request(
            getattr(self.request, "command", "-"), getattr(self.request, "path", "-"), answer.status,
            dict(answer.headers), started, "",
        )  # fmt: skip
        self.status = answer.status
        self.response_headers.extend([*answer.headers, *answers.ALWAYS])
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.write(answer.body)


class Channel(HTTPChannel):
    error_task_class = Refusal

    def __init__(self, server: "Server", *arguments: Any, **named: Any):
        self.parser_class = partial(Parser, server)
        super().__init__(server, *arguments, **named)


class Server(TcpWSGIServer):
    channel_class = Channel

    def __init__(self, application: Application, listening: socket.socket, adj: Adjustments, sockets: dict[int, Any]):
        self.receiver = application
        self.stopping = threading.Event()
        # A signal may call `stop` in the thread that is closing.
        self.closing = threading.RLock()
        self.closed = False
        sockinfo = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(application, sockets, _sock=listening, adj=adj, sockinfo=sockinfo, bind_socket=False)

    def is_crowded(self) -> bool:
        """Say whether so many are connected that nobody may stay."""
        return len(self.active_channels) > self.adj.connection_limit * CROWDED_SHARE

    def refusal(self, environ: dict[str, Any]) -> Exception | None:
        """Return why a request is refused by its head: also one on a kept connection while the server stops."""
        return Unavailable("the receiver is stopping.") if self.stopping.is_set() else self.receiver.refusal(environ)


def translated(error: Any) -> Exception:
    """Return the error of ours for one that waitress made."""
    if isinstance(error, Exception):
        return error
    if error.code == 501:
        return Refused(411, "LENGTH_REQUIRED", "Say how long the body is: send Content-Length, and no encoding.")
    if error.code in WHAT_WAITRESS_SAYS:
        return Refused(error.code, *WHAT_WAITRESS_SAYS[error.code])
    return RuntimeError(error.body)


class Receiver:
    """A server that listens as soon as it is made, answers while `run` runs, and ends when anyone calls `stop`."""

    def __init__(self, application: Application, host: str, port: int):
        limits = application.limits
        self.stop_seconds = limits.stop_seconds
        # A signal may call `stop` in the thread that is closing.
        self.closing = threading.RLock()
        self.closed = False
        self.sockets: dict[int, Any] = {}
        adjustments = Adjustments(
            threads=limits.threads, connection_limit=limits.connections, backlog=BACKLOG,
            max_request_header_size=limits.header_bytes, max_request_body_size=limits.body_bytes + 1,
            channel_timeout=limits.idle_seconds, cleanup_interval=2, recv_bytes=PIECE_BYTES,
            asyncore_use_poll=True, ident=None, expose_tracebacks=False, clear_untrusted_proxy_headers=True,
        )  # fmt: skip
        self.server = Server(application, listen(host, port), adjustments, self.sockets)
        application.status.connections = lambda: len(self.server.active_channels)
        shown = self.server.effective_host
        self.url = f"http://{bracketed(shown)}:{self.server.effective_port}"

    def run(self) -> None:
        while not self.server.stopping.is_set():
            self.turn()
        # No connection is taken any more; what is being answered is answered.
        wasyncore.dispatcher.close(self.server)
        deadline = time.monotonic() + self.stop_seconds
        while self.busy and time.monotonic() < deadline:
            self.turn()
        self.server.task_dispatcher.shutdown(timeout=1)
        with self.closing:
            self.closed = True
            wasyncore.close_all(self.sockets)

    def turn(self) -> None:
        wasyncore.loop(timeout=1, use_poll=True, map=self.sockets, count=1)

    @property
    def busy(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self.server.active_channels.values())

    def stop(self) -> None:
        self.server.stopping.set()
        with self.closing:
            # What wakes the loop is a file's number: once closed, it may be that of another file.
            if not self.closed:
                self.server.pull_trigger()


def serve(application: Application, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; `ready` is called with the address. A second signal ends the process at once."""
    receiver = Receiver(application, host, port)

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        receiver.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ready(receiver.url)
    receiver.run()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is a free one. Raises InUse, NoPermission or UsageError."""
    address = f"{bracketed(host)}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name such as localhost may have two addresses: clients all know the older protocol.
        family, _, _, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)
        return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    except PermissionError:
        raise NoPermission(
            f"{address} needs the rights of the system: choose a port above 1023 with --listen HOST:PORT."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InUse(
                f"{address} is in use by another program: stop that one, or choose another port with "
                "--listen HOST:PORT (0 is a free one)."
            ) from None
        raise UsageError(f"{address} is no address of this machine: name one with --listen HOST:PORT.") from None


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""The receiver's server: who may connect, how long, and how it starts, reloads and ends."""

import errno
import gc
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from appliance.errors import PerfanalysisError, Unavailable
from appliance.receive import answers, log
from appliance.receive.answers import Refused
from appliance.receive.application import Application
from appliance.receive.channel import Channel, TlsChannel
from appliance.receive.client import UNIX, Proxies, who
from appliance.receive.limits import PIECE_BYTES
from appliance.receive.listening import BACKLOG, UNIX_PREFIX, bracketed, listen
from appliance.receive.one_cpu import OneCpu
from appliance.receive.rates import Strangers
from appliance.receive.tls import Certificate

NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
OWN_FILES = 96
"""What a process has open besides its connections; that includes those that it refuses."""
FILES_A_CONNECTION = 3
"""Itself, its body, and files of its tenant."""
LAST_WORDS = 32
"""So many connections that are refused are told of it in peace, beside those that there may be."""
CROWDED_SHARE = 0.75
"""Of the connections that may be open: beyond it each is closed after its answer."""
ROOM_SECONDS, ROOM_LOOK_SECONDS = 2.0, 0.02
"""How long all connections may be taken before who comes is told so, and how often there is a look for room."""
TURN_SECONDS = 1
LOOK_SECONDS, MOST_ENDED = 0.2, 20
"""How often the connections are looked at that take too long, and how many of them are ended at a time."""
QUIET_SECONDS = 0.5
COLLECTED_AFTER = 20_000, 20, 100
"""What Python calls the thresholds of its garbage collector."""
FULL = Refused(503, "OVERLOADED", answers.UNAVAILABLE)
TOO_MANY_STRANGERS = Refused(
    429, "RATE_LIMITED", "There are too many connections from this address that have shown no valid key."
)


class Server(TcpWSGIServer):
    def __init__(
        self, application: Application, listening: socket.socket, adj: Adjustments, sockets: dict[int, Any],
        proxies: Proxies, certificate: Certificate | None,
    ):  # fmt: skip
        self.receiver, self.limits = application, application.limits
        self.proxies, self.certificate = proxies, certificate
        self.channel_class = TlsChannel if certificate else Channel
        self.strangers = Strangers(self.limits.stranger_connections)
        self.stopping = threading.Event()
        self.most_connections = within_files(self.limits.connections)
        self.leaving: set[Channel] = set()
        """Connections that were refused, and are there until their answer has arrived."""
        self.one_cpu = OneCpu()
        self.spare = open_spare()
        self.accept_again = 0.0
        self.full_since: float | None = None
        """Since when all connections are taken and none can be closed."""
        self.last_asked = 0.0
        """When the last request came."""
        sockinfo = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(application, sockets, _sock=listening, adj=adj, sockinfo=sockinfo, bind_socket=False)

    def getsockname(self) -> tuple[str, str]:
        if self.family == socket.AF_UNIX:
            return UNIX, self.socket.getsockname()
        host, port = super().getsockname()
        return host, port

    def readable(self) -> bool:
        return bool(super().readable()) and time.monotonic() >= self.accept_again

    def maintenance(self, _: float) -> None:
        self.one_cpu.look(time.monotonic())
        ended = 0
        for channel in list(self.active_channels.values()):
            ended += channel.look(time.monotonic())
            # Hundreds whose time ends together would all be answered before the next one who asks.
            if ended >= MOST_ENDED:
                break

    def handle_accept(self) -> bool:
        """Take one who waits, and say whether anyone did."""
        full = len(self.active_channels) - len(self.leaving) >= self.most_connections and not self.make_room()
        if not full:
            self.full_since = None
        elif self.waits_for_room(time.monotonic()):
            return False
        try:
            accepted = self.accept()
        except OSError as error:
            if error.errno in NO_FILES:
                self.refuse_without_files()
            return False
        if accepted is None:
            return False
        connection, address = accepted
        address = (UNIX, 0) if self.family == socket.AF_UNIX else address
        name = "" if address[0] == UNIX or self.proxies.trusts(address[0]) else who(address[0])
        # Who is refused and does not go must not be in the way of others.
        if full:
            self.refuse(connection, address, FULL)
        elif name and not self.strangers.come(name):
            self.refuse(connection, address, TOO_MANY_STRANGERS)
        else:
            self.begin_connection(connection, address, name)
        return True

    def waits_for_room(self, now: float) -> bool:
        """
        Leave the next one waiting to be let in, while all connections have been taken for a moment only.

        Many that come at once are served one after the other: to refuse them would bring them again, and later.
        """
        self.full_since = now if self.full_since is None else self.full_since
        waits = now - self.full_since < ROOM_SECONDS and not self.stopping.is_set()
        if waits:
            self.accept_again = now + ROOM_LOOK_SECONDS
        return waits

    def make_room(self) -> bool:
        """
        Close one connection on which nothing is asked, a stranger's rather than another; say whether there was one.

        Who fills all connections and is silent, from however many addresses, would keep everyone else out.
        """
        before = time.monotonic() - self.limits.full_idle_seconds
        silent = [channel for channel in self.active_channels.values() if channel.is_silent_since(before)]
        if not silent:
            return False
        min(silent, key=lambda channel: (not channel.stranger, channel.waiting_since)).handle_close()
        return True

    def begin_connection(self, connection: socket.socket, address: Any, name: str) -> None:
        try:
            if address[0] != UNIX:
                self.set_socket_options(connection)
            channel = self.channel_class(
                self, self.certificate.wrap(connection) if self.certificate else connection, address, self.adj,
                map=self._map,
            )  # fmt: skip
        except OSError:
            # The other end has gone already.
            connection.close()
            if name:
                self.strangers.gone(name)
        else:
            channel.stranger = name

    def refuse(self, connection: socket.socket, address: Any, why: Refused) -> None:
        """Answer a connection without a look at what it asks, and end it when the answer has arrived."""
        if self.certificate is not None or len(self.leaving) >= LAST_WORDS:
            self.refuse_at_once(connection, why)
        else:
            self.receiver.status.refused(why.error_code)
            channel = Channel(self, connection, address, self.adj, map=self._map)
            self.leaving.add(channel)
            channel.say_last(answers.whole(why))

    def refuse_at_once(self, connection: socket.socket, why: Refused) -> None:
        self.receiver.status.refused(why.error_code)
        with suppress(OSError), connection:
            # What TLS has to be spoken with first would cost more than it is worth.
            if self.certificate is None:
                connection.setblocking(False)
                connection.send(answers.whole(why))
                connection.shutdown(socket.SHUT_WR)
                connection.recv(PIECE_BYTES)

    def refuse_without_files(self) -> None:
        """Answer who connects while there is no number for one more file: with the number that was kept for this."""
        if self.spare is not None:
            os.close(self.spare)
            with suppress(OSError):
                if (accepted := self.accept()) is not None:
                    self.refuse_at_once(accepted[0], FULL)
        self.spare = open_spare()
        # Otherwise who waits would be told of at every turn.
        self.accept_again = time.monotonic() + (0.0 if self.spare is not None else 0.1)

    def is_crowded(self) -> bool:
        """Say whether so many are connected that nobody may stay."""
        return len(self.active_channels) > self.most_connections * CROWDED_SHARE

    def begin(self, environ: dict[str, Any]) -> Callable[[], None]:
        """Decide about a request by its head; one on a kept connection while the server stops is refused too."""
        self.last_asked = time.monotonic()
        if self.stopping.is_set():
            raise Unavailable("the receiver is stopping.")
        return self.receiver.begin(environ)


def open_spare() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def within_files(connections: int) -> int:
    """Return how many connections fit into the files that a process may have open, after asking for more of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OWN_FILES + FILES_A_CONNECTION * connections
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(connections, (soft - OWN_FILES) // FILES_A_CONNECTION))


class Receiver:
    """A server that listens as soon as it is made, answers while `run` runs, and ends when anyone calls `stop`."""

    def __init__(
        self, application: Application, host: str, port: int, *, proxies: Sequence[str] = (),
        certificate: Certificate | None = None,
    ):  # fmt: skip
        """
        Listen on a host and port, or on "unix:PATH".

        `proxies` are those that are believed: addresses, networks or "unix".
        """
        limits = application.limits
        self.stop_seconds = limits.stop_seconds
        # A signal may call `stop` in the thread that is closing.
        self.closing = threading.RLock()
        self.closed = False
        self.reloading = False
        self.sockets: dict[int, Any] = {}
        self.socket_path = Path(host.removeprefix(UNIX_PREFIX)) if host.startswith(UNIX_PREFIX) else None
        scheme = "https" if certificate else "http"
        adjustments = Adjustments(
            # Who is one too many is answered by us: waitress would leave everyone waiting.
            threads=limits.threads, connection_limit=1 << 30, backlog=BACKLOG,
            max_request_header_size=limits.header_bytes, max_request_body_size=limits.body_bytes + 1,
            recv_bytes=PIECE_BYTES, url_scheme=scheme,
            asyncore_use_poll=True, ident=None, expose_tracebacks=False, log_socket_errors=False,
            # What proxies write is taken out, or believed, where the head is read.
            clear_untrusted_proxy_headers=False,
        )  # fmt: skip
        # Which would be cut to whole seconds above.
        adjustments.cleanup_interval = LOOK_SECONDS
        believed = Proxies(proxies)
        self.server = Server(application, listen(host, port), adjustments, self.sockets, believed, certificate)
        application.status.connections = lambda: len(self.server.active_channels)
        application.status.waiting = lambda: len(self.server.task_dispatcher.queue)
        if certificate is not None:
            application.status.certificate_expires = lambda: certificate.expires
        shown = bracketed(self.server.effective_host)
        self.url = host if self.socket_path else f"{scheme}://{shown}:{self.server.effective_port}"

    def run(self) -> None:
        while not self.server.stopping.is_set():
            self.turn()
        # Who waits to be let in would be cut off: they are told, as are those who ask on connections that are kept.
        for _ in range(BACKLOG):
            if not self.server.handle_accept():
                break
        # No connection is taken any more; what is being answered is answered.
        wasyncore.dispatcher.close(self.server)
        if self.socket_path is not None:
            self.socket_path.unlink(missing_ok=True)
        deadline = time.monotonic() + self.stop_seconds
        while (self.busy or not self.quiet) and time.monotonic() < deadline:
            self.turn(QUIET_SECONDS)
        self.server.task_dispatcher.shutdown(timeout=1)
        with self.closing:
            self.closed = True
            wasyncore.close_all(self.sockets)
            if self.server.spare is not None:
                os.close(self.server.spare)

    def turn(self, timeout_seconds: float = TURN_SECONDS) -> None:
        wasyncore.loop(timeout=timeout_seconds, use_poll=True, map=self.sockets, count=1)
        if self.reloading:
            self.reloading = False
            self.reload_now()

    def reload_now(self) -> None:
        if self.server.receiver.access_log is not None:
            self.server.receiver.access_log.reopen()
        if self.server.certificate is not None:
            try:
                self.server.certificate.read()
            except PerfanalysisError as error:
                log.logger.error("the certificate stays the one that was read before: %s", error.message)

    @property
    def busy(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self.server.active_channels.values())

    @property
    def quiet(self) -> bool:
        """Whether nobody has asked for a moment, of those who might be in the midst of it when the server stops."""
        return time.monotonic() - self.server.last_asked > QUIET_SECONDS

    def reload(self) -> None:
        """Open the access log and read the certificate again, soon."""
        self.reloading = True
        self.wake()

    def stop(self) -> None:
        self.server.stopping.set()
        self.wake()

    def wake(self) -> None:
        with self.closing:
            # What wakes the loop is a file's number: once closed, it may be that of another file.
            if not self.closed:
                self.server.pull_trigger()


def collect_rarely() -> None:
    """
    Look for garbage in cycles less often, and never in what was loaded: it stays as long as the process.

    What requests leave behind has no cycles, and every look at all that there is holds up every answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def serve(receiver: Receiver, ready: Callable[[str], None]) -> None:
    """
    Answer until SIGTERM or SIGINT; `ready` is called with the address.

    A second signal ends the process at once; SIGHUP reloads.
    """

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        receiver.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda *_: receiver.reload())
    collect_rarely()
    ready(receiver.url)
    receiver.run()

"""A real receiver that is besieged: slow connections, hostile bytes, too few files, signals under load."""

import gzip
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from receiver_peer import BOUNDARY, TRICKLE, UPLOAD, at_once, batch, csv_text, form, measurement

from appliance.store.registry import Registry

TENANT = "team-a"
PLANNED = {503, 507}
"""What may be answered of 500 and above."""

# The same application behind waitress as it comes, with as many threads.
PLAIN = """
import sys, waitress
from pathlib import Path
from appliance.receive.application import application
from appliance.receive.stores import Stores
server = waitress.create_server(application(Stores(Path(sys.argv[1]))), host="127.0.0.1", port=0, threads=8)
print("Listening on http://127.0.0.1:%s " % server.effective_port, flush=True)
server.run()
"""
# The receiver without the mend that makes an answer of what waitress's parser does not expect.
UNMENDED = """
import sys
from waitress.parser import HTTPRequestParser
from appliance.receive.channel import Parser
Parser.parse_header = HTTPRequestParser.parse_header
from appliance.cli import run_command
sys.exit(run_command(["serve", "--listen", "127.0.0.1:0", "--data", *sys.argv[1:]], "perfanalysis"))
"""


@dataclass
class Besieged:
    port: int
    key: str
    process: subprocess.Popen[str]
    log: Path

    def health(self, timeout: float = 20) -> float:
        """Return in how many seconds /health is answered; raise OSError if it is not."""
        before = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status != 200:
                raise ConnectionRefusedError
        finally:
            connection.close()
        return time.perf_counter() - before

    def megabytes(self) -> float:
        """Return how much memory it has."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def written_bytes(self) -> int:
        """Return how much it has written to files, whether they are there or not."""
        counted = re.search(r"wchar: ([0-9]+)", Path(f"/proc/{self.process.pid}/io").read_text())
        assert counted
        return int(counted[1])

    def errors(self) -> list[str]:
        """What the log says of errors that nobody planned."""
        return [line for line in self.log.read_text().splitlines() if re.search(r"Traceback|ERROR|uncaptured", line)]


@contextmanager
def besieged(
    data: Path, *options: str, program: str | None = None, files: int | None = None, temporary: Path | None = None
) -> Iterator[Besieged]:
    """Start `serve`, or another program of the kind, and end it whatever comes."""
    registry = Registry(data)
    if TENANT not in registry.tenants():
        registry.create_tenant(TENANT)
    key = registry.create_key(TENANT)
    registry.close()
    command = [sys.executable, "-m", "appliance", "serve", "--listen", "127.0.0.1:0", "--data", str(data), *options]
    if program is not None:
        command = [sys.executable, "-c", program, str(data), *options]
    if files is not None:
        command = ["prlimit", f"--nofile={files}", *command]
    log = data / f"besieged-{os.getpid()}.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**os.environ, **({"TMPDIR": str(temporary)} if temporary else {})},
        )  # fmt: skip
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:([0-9]+) ", said)
        assert found, (said, log.read_text())
        yield Besieged(int(found[1]), key, process, log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def head(key: str, path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@contextmanager
def slow_connections(target: Besieged, count: int) -> Iterator[list[socket.socket]]:
    """Open connections, twenty of an address, half of which stay in their head and half in their body."""
    with ExitStack() as opened:
        connections = []
        for number in range(count):
            connection = opened.enter_context(socket.socket())
            connection.settimeout(20)
            connection.bind((f"127.0.1.{2 + number // 20}", 0))
            connection.connect(("127.0.0.1", target.port))
            connection.sendall(b"GET /health HTTP/1.1\r\nX: " if number % 2 else head(target.key, TRICKLE, 1000) + b"{")
            connections.append(connection)
        yield connections


def drip(connections: list[socket.socket]) -> int:
    """Send one byte on each connection; return how many are still there."""
    left = 0
    for connection in connections:
        with suppress(OSError):
            connection.send(b"x")
            left += 1
    return left


# ---- hostile bytes

Request = tuple[bytes, bytes]
"""Its head, and its body."""
LENGTHS = (b"-3", b"+3", b"0_3", b"0x3", b'" 3"', b"3,3", b"3, 5", b"1" + b"0" * 30, b"9" * 5000, b"", b"\xb2", b"00")
TOKENS = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"%", b"%00", b"%2e%2e/", b"//", b"\xff", b"\xc3",
    b"{", b"}", b"[", b"]", b'"', b"\\", b"NaN", b"1e999", b"-0", b"null", b"true", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: xchunked\r\n", b"Content-Length: 3\r\n", b"Host: y\r\n",
    b"Expect: 100-continue\r\n", b"Content-Encoding: gzip\r\n", b"Content-Type: multipart/form-data\r\n", b"?", b"&",
    b"machine_id=", b"start=99999999999999999999", b"end=0001-01-01", b"HTTP/0.9", b"HTTP/9.9", b"http://[::1", b"*",
)  # fmt: skip


FORM_KIND = "Content-Type: application/x-www-form-urlencoded\r\n"


def seeds(key: str) -> list[Request]:
    """One good request of each route, and some more of those with a body."""
    authorised = f"Host: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
    plain = json.dumps(batch(measurement(), run=3)).encode()
    bodies = [
        ("POST", TRICKLE, "Content-Type: application/json\r\n", plain),
        ("POST", TRICKLE, "Content-Encoding: gzip\r\n", gzip.compress(plain)),
        ("POST", TRICKLE, "Perfanalysis-Run: 7\r\n", plain),
        ("POST", UPLOAD, f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
         form(csv_text(), machine_id="web-1", tenant_id=TENANT)),
        ("POST", UPLOAD, f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
         form(gzip.compress(csv_text().encode()), machine_id="web-1")),
        ("POST", "/v1/ping", "", b'{"timestamp":1704067200}'),
        ("POST", "/sign-in", FORM_KIND, f"key={key}&wanted=%2Freports%2F".encode()),
        ("POST", "/sign-out", f"Cookie: perfanalysis_session=x\r\n{FORM_KIND}", b"token=x"),
        ("POST", "/upload",
         f"Cookie: perfanalysis_session=x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
         form(csv_text(), machine_id="web-1", token="x")),
    ]  # fmt: skip
    paths = [
        "/", "/health", "/metrics", "/openapi.json", "/v1/ping", "/v1/version", "/api/v1/machines",
        "/api/v1/machines/web-1",
        "/api/v1/performance/export?machine_id=web-1&start=2024-01-01&end=2030-01-01&format=csv",
        "/api/v1/performance/data?machine_id=web-1&start=1704067200", "/reports/", "/nope",
        "/reports/index.html", "/sign-in", "/reports", "/sign-out", "/assets/receiver.css",
    ]  # fmt: skip
    return [
        *((f"GET {path} HTTP/1.1\r\n{authorised}\r\n".encode(), b"") for path in paths),
        *(
            (f"{method} {path} HTTP/1.1\r\n{authorised}{more}Content-Length: {len(body)}\r\n\r\n".encode(), body)
            for method, path, more, body in bodies
        ),
    ]


def mutated(request: Request, chance: random.Random) -> bytes:
    """Return a request with one to four things wrong with it, more often with its head than with its body."""
    head, body = request
    for _ in range(chance.randint(1, 4)):
        if body and chance.random() < 0.4:
            body = damaged(body, chance)
            if chance.random() < 0.7:
                # Otherwise most would only be of the wrong length.
                head = re.sub(rb"Content-Length: [0-9]+", b"Content-Length: %d" % len(body), head)
        elif chance.random() < 0.15:
            head = re.sub(rb"Content-Length: [^\r]*", lambda _: b"Content-Length: " + chance.choice(LENGTHS), head)
        else:
            head = damaged(head, chance)
    return head + body


def damaged(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    end = min(len(content), at + chance.choice((1, 1, 2, 8, 40)))
    kind = chance.randrange(6)
    if kind == 0:
        return content[:at] + chance.choice(TOKENS) + content[at:]
    if kind == 1:
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    if kind == 2:
        return content[:at] + content[end:]
    if kind == 3:
        return content[:at] + content[at:end] * chance.choice((2, 3, 200)) + content[end:]
    if kind == 4:
        return content[:at] + chance.choice(TOKENS) + content[end:]
    lines = content.split(b"\r\n")
    chance.shuffle(lines)
    return b"\r\n".join(lines)


@dataclass
class Found:
    """What became of hostile requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Requests and answers that may not be."""


def fuzz(target: Besieged, count: int, seed: int, threads: int = 4) -> Found:
    """Send so many hostile requests, and hold each answer against what is agreed."""
    found = Found()
    lock = threading.Lock()

    def work(number: int) -> None:
        chance = random.Random(f"{seed}-{number}")
        good = seeds(target.key)
        for _ in range(count // threads):
            request = mutated(chance.choice(good), chance)
            answer = exchange(target.port, request)
            with lock:
                status = int(answer[9:12]) if re.match(rb"HTTP/1\.[01] [0-9]{3} ", answer) else 0
                found.statuses[status] += 1
                if not agreed(status, answer):
                    found.wrong.append((request, answer))

    at_once(work, threads)
    return found


def exchange(port: int, request: bytes) -> bytes:
    """Send bytes, say that no more will come, and return what comes back."""
    received = b""
    with socket.socket() as connection:
        connection.settimeout(60)
        connection.connect(("127.0.0.1", port))
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                received += more
    return received


def agreed(status: int, answer: bytes) -> bool:
    """Say whether an answer is one: nothing for what was no whole request, or one that holds to the contract."""
    if status == 0:
        return answer == b""
    if status == 100:
        return True
    if status >= 500 and status not in PLANNED:
        return False
    if 200 <= status < 300:
        return True
    head, _, rest = answer.partition(b"\r\n\r\n")
    if status == 303:
        # Never to another host.
        return re.search(rb"\r\nLocation: /(reports/[A-Za-z0-9._/-]*)?\r\n", head) is not None
    length = re.search(rb"\r\nContent-Length: ([0-9]+)", head)
    if length is None or b"\r\nContent-Type: application/json" not in head:
        return False
    if not rest:
        # The answer to a HEAD.
        return True
    said = json.loads(rest[: int(length[1])])
    return set(said) == {"status", "error_code", "message", "details"} and isinstance(said["details"], dict)


# ---- signals under load


@dataclass
class Told:
    """What clients were told while a receiver ended."""

    acknowledged: set[int] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    cut: int = 0
    """Requests that were sent whole and got no answer."""


def post_until_refused(target: Besieged, end: Callable[[], object], first: int, clients: int = 6) -> Told:
    """Post from several connections, end the receiver in the midst of it, and return what came of each post."""
    told = Told()
    lock = threading.Lock()
    begun = threading.Semaphore(0)

    def work(number: int) -> None:
        at = first + number
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
        try:
            while True:
                body = json.dumps(batch(measurement(1_704_067_200 + at), identifier="web-1"))
                try:
                    if connection.sock is None:
                        connection.connect()
                except OSError:
                    return
                try:
                    connection.request("POST", TRICKLE, body, {"Authorization": f"Bearer {target.key}"})
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    with lock:
                        told.cut += 1
                    return
                begun.release()
                with lock:
                    told.statuses[answer.status] += 1
                    if answer.status == 200:
                        told.acknowledged.add(at)
                at += clients
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for _ in range(clients * 5):
        begun.acquire()
    end()
    for thread in threads:
        thread.join()
    return told


def stored_times(data: Path) -> set[int]:
    """Return which of the posted samples are stored."""
    from appliance.store import history
    from appliance.store.tenant import TenantStore

    with TenantStore(data, TENANT, read_only=True) as store:
        return {at // 1000 - 1_704_067_200 for part in history.read(store, "web-1") for at in part.at_ms.tolist()}


def terminate(target: Besieged, number: int = signal.SIGTERM) -> int:
    target.process.send_signal(number)
    return target.process.wait(30)

"""A client of a receiver that runs, which sends it whatever a test wants, and the things that it sends."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance.receive.application import Application
from appliance.receive.server import Receiver
from appliance.store.registry import Registry

CSV_HEADER = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available"
UPLOAD, TRICKLE = "/api/v1/performance/upload", "/v1/trickle"
BOUNDARY = "x" * 20


def csv_text(machine: str = "web-1", rows: int = 3, user: float = 25.5, start: int = 1_704_067_200) -> str:
    """A standard CSV, a row a minute."""
    lines = [
        f"{start + 60 * at},{machine},{user},10.2,60.3,4.0,16777216,8388608,{12582912 + 1024 * at}"
        for at in range(rows)
    ]
    return "\n".join([CSV_HEADER, *lines, ""])


def part(name: str, content: str | bytes, more: str = "") -> bytes:
    body = content.encode() if isinstance(content, str) else content
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + body + b"\r\n"


def form(file: str | bytes | None, **fields: str) -> bytes:
    """A form as browsers and curl send it, the file first."""
    parts = [part("file", file, '; filename="perf.csv"')] if file is not None else []
    return b"".join([*parts, *(part(name, value) for name, value in fields.items()), f"--{BOUNDARY}--\r\n".encode()])


def measurement(at: int = 1_704_067_200, idle: int = 1000, subsystem: str = "/proc/stat") -> dict[str, Any]:
    return {"timestamp": at, "subsystem": subsystem, "measurement": f"cpu  100 0 50 {idle} 5 0 0 0 0 0\n"}


def batch(*measurements: Any, identifier: Any = "web-1", **more: Any) -> dict[str, Any]:
    return {"identifier": identifier, "measurements": list(measurements or [measurement()]), **more}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Peer:
    """A receiver that runs, and a client of it."""

    address: tuple[str, int]
    application: Application
    registry: Registry
    key: str
    """Of tenant team-a: write and read."""
    other_key: str
    """Of tenant team-b."""
    server: Receiver | None = None

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, key: str | None = ""
    ) -> Reply:
        """Send a request; with no key if that is None, and with the key of team-a if it is not given."""
        given = {} if key is None else {"Authorization": f"Bearer {key or self.key}"}
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            # Who is refused by the head of a request cannot send the rest.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, {**given, **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def upload(self, file: str | bytes | None, key: str | None = "", **fields: str) -> Reply:
        return self.send_form(form(file, **fields), key)

    def send_form(
        self, body: bytes, key: str | None = "", kind: str = "multipart/form-data; boundary=" + BOUNDARY
    ) -> Reply:
        return self.ask("POST", UPLOAD, body, {"Content-Type": kind}, key)

    def trickle(self, payload: Any, headers: Mapping[str, str] | None = None, key: str | None = "") -> Reply:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.ask("POST", TRICKLE, body, headers, key)

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes as they are, each piece once something came back for the one before; return all that comes."""
        received = b""
        # Who sends on to one that does not listen any more is cut off, after the answer.
        with socket.create_connection(self.address, timeout=20) as connection, suppress(ConnectionResetError):
            for at, piece in enumerate(pieces):
                if at:
                    received += connection.recv(65536)
                connection.sendall(piece)
            while more := connection.recv(65536):
                received += more
        return received

    def stored(self, tenant: str = "team-a") -> dict[str, int]:
        """How many rows each table of a tenant has."""
        store = self.application.stores.tenant(tenant)
        with store.lock:
            return {
                table: store.database.execute_sql(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("machine", "batch", "block", "fact")
            }

    def stored_nothing(self) -> bool:
        return not any(sum(self.stored(tenant).values()) for tenant in ("team-a", "team-b"))


def at_once(work: Callable[[int], None], count: int) -> None:
    """Do something in so many threads, each with a number, and wait for all of them."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def assert_refused(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """Hold an answer against the one shape of all errors, and return its details."""
    assert (reply.status, reply.json.get("error_code")) == (status, code), reply.body
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json) == {"status", "error_code", "message", "details"}
    assert reply.json["status"] == "error"
    assert isinstance(reply.json["details"], dict)
    assert reply.json["message"]
    return reply.json["details"]  # type: ignore[no-any-return]


StartReceiver = Callable[..., Peer]

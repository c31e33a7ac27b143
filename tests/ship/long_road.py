"""A real receiver and a collector that sends to it, each of which may be killed at any moment, and what is stored."""

import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import collecting
from collecting import MACHINE, RUN, START

from appliance.store import history, identity
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

TENANT = "team-a"


class Receiver:
    """`perfanalysis serve` on a port that stays the same."""

    def __init__(self, data: Path) -> None:
        self.data = data
        registry = Registry(data)
        registry.create_tenant(TENANT)
        self.key = registry.create_key(TENANT)
        registry.close()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port: int = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.program = ["-m", "appliance"]

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert re.search("Listening", self.process.stdout.readline())

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def numbers(self) -> list[int]:
        """The numbers of the samples that are stored, each as often as it is, in the order of their times."""
        with TenantStore(self.data, TENANT, read_only=True) as store:
            parts = history.read(store, MACHINE)
        assert {part.run for part in parts} <= {RUN}
        found = [at // 1000 - START for part in parts if part.group is parts[0].group for at in part.at_ms.tolist()]
        return sorted(found)

    def receipts(self) -> list[dict[str, Any]]:
        """What was said to each batch that was stored, in the order of their storing."""
        with TenantStore(self.data, TENANT, read_only=True) as store:
            rows = store.database.execute_sql("SELECT receipt FROM batch ORDER BY id").fetchall()
        return [json.loads(row[0]) for row in rows]


class Collector:
    """`collecting` as a process; `taken` are the samples that its spool promised to keep."""

    def __init__(self, folder: Path, url: str, key: str, count: int, pause: float = 0, way: str = "spool",
                 length: str = "short") -> None:  # fmt: skip
        self.taken = folder / "taken"
        self.arguments = [url, str(folder / "spool"), str(self.taken), str(count), str(pause), way, length]
        self.key = key
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, collecting.__file__, *self.arguments], env={**os.environ, "PCC_APIKEY": self.key},
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def finish(self, seconds: float = 120) -> int:
        """Let it end by itself and return its code."""
        assert self.process is not None
        return self.process.wait(seconds)


def peak_kb(collector: Collector) -> int:
    """The most memory that a collector has had so far; 0 where it has just ended."""
    assert collector.process is not None
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{collector.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s*([0-9]+)", status)
        return int(found[1]) if found else 0
    return 0


def kill_either_end(receiver: Receiver, collector: Collector, rounds: int, chance: random.Random) -> None:
    """Kill one of the two at a random moment, again and again, and let them end what they began."""
    receiver.start()
    collector.start()
    for _ in range(rounds):
        time.sleep(chance.uniform(0, 1.0))
        if chance.random() < 0.3:
            receiver.end(signal.SIGKILL)
            receiver.start()
        else:
            collector.kill()
            collector.start()


def restore_the_receiver(receiver: Receiver, folder: Path, samples: int, tell: bool) -> None:
    """
    Give a receiver its data of yesterday back, which lack the second half of what it acknowledged.

    `tell` begins another epoch, as a restore does.
    """
    backup = folder / "backup"
    for count in (samples // 2, samples):
        receiver.start()
        collector = Collector(folder, receiver.url, receiver.key, count=count)
        collector.start()
        assert collector.finish() == 0
        receiver.end()
        if not backup.exists():
            shutil.copytree(receiver.data, backup)
    assert receiver.numbers() == list(range(samples))
    shutil.rmtree(receiver.data)
    backup.rename(receiver.data)
    if tell:
        identity.advance(receiver.data)


class Proxy:
    """Stands between a collector and a receiver, and loses every nth answer after the receiver gave it."""

    def __init__(self, port: int, lose: Callable[[int], bool]) -> None:
        self.to, self.lose = port, lose
        self.answers = itertools.count()
        self.lost = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                with client, socket.create_connection(("127.0.0.1", self.to)) as receiver, suppress(OSError):
                    self.relay(client, receiver)

    def relay(self, client: socket.socket, receiver: socket.socket) -> None:
        """Pass requests on, one answer for each; a receiver answers when it has stored."""
        while request := read_message(client):
            receiver.sendall(request)
            answer = read_message(receiver)
            if not answer:
                return
            if self.lose(next(self.answers)):
                self.lost += 1
                # Half of it may have come.
                client.sendall(answer[: len(answer) // 2 * (self.lost % 2)])
                return
            client.sendall(answer)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


def read_message(connection: socket.socket) -> bytes:
    """Read a whole request or answer; nothing if there is none."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *([0-9]+)", head)
    while len(body) < int(length[1] if length else 0):
        piece = connection.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body

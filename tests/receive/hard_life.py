"""
A receiver that is killed again and again under load, and an oracle of what it said that it had stored.

Writers send again what was not answered, as collectors do, and now and then what was.
"""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from receiver_peer import BOUNDARY, TRICKLE, UPLOAD, form

from appliance.metrics import MEMORY_FREE, Group
from appliance.samples import Column
from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

TENANT, START = "team-a", 1_704_067_200
HEADER = "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
WRITERS = 4
FILE_ROWS = [20] * 8 + [200] * 3 + [1500]
AGAIN = 0.05
"""How often a batch that was answered is sent once more."""
Sample = tuple[str, int, int]
"""Machine, Unix milliseconds, bytes of free memory."""


@dataclass
class Oracle:
    acknowledged: set[Sample] = field(default_factory=set)
    sent: set[Sample] = field(default_factory=set)
    """All that may be stored."""
    answers: Counter[int] = field(default_factory=Counter)


class Forked:
    """`forked_receiver` and the receiver that it runs at the moment, on a port that stays the same."""

    def __init__(self, data: Path, way: str = "honest") -> None:
        self.data, self.way = data, way
        registry = Registry(data)
        registry.create_tenant(TENANT)
        self.key = registry.create_key(TENANT)
        registry.close()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port: int = listening.getsockname()[1]
        self.ready_seconds: list[float] = []
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("forked_receiver.py")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def start(self) -> None:
        before = time.perf_counter()
        assert "Listening" in self.ask(f"start {self.port} {self.data} {self.way}")
        self.answer()
        self.ready_seconds.append(time.perf_counter() - before)

    def answer(self) -> None:
        """Wait for an answer, which is more than a socket that is open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()

    def kill(self) -> None:
        assert self.ask("kill") == "killed\n"

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Writer(threading.Thread):
    """Sends samples of its own machines, one batch after the other, until it is told to stop and has its answer."""

    def __init__(self, number: int, port: int, key: str, oracle: Oracle, seed: int) -> None:
        super().__init__()
        self.number, self.port, self.oracle, self.chance = number, port, oracle, random.Random(seed * 1000 + number)
        self.headers = {"Authorization": f"Bearer {key}"}
        self.over = threading.Event()
        self.done = 0
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        while not self.over.is_set():
            samples, path, body, kind = self.batch()
            self.oracle.sent.update(samples)
            while (status := self.post(path, body, kind)) != 200:
                # Nobody answers: it is dead, and another will come. Any other answer is a fault that the test shows.
                if status or self.over.wait(0.003):
                    return
            self.oracle.acknowledged.update(samples)
            if self.chance.random() < AGAIN:
                self.post(path, body, kind)
        if self.connection is not None:
            self.connection.close()

    def batch(self) -> tuple[list[Sample], str, bytes, str]:
        upload = self.chance.random() < 0.1
        count = self.chance.choice(FILE_ROWS) if upload else self.chance.randint(1, 3)
        numbers = range(self.done, self.done + count)
        self.done += count
        if upload:
            machine = f"file-{self.number}"
            rows = "".join(f"{START + at},{machine},1.5,1,97,0.5,8192,{at * 1024},8192\n" for at in numbers)
            body, kind = form(HEADER + rows, machine_id=machine), f"multipart/form-data; boundary={BOUNDARY}"
        else:
            machine, kind = f"live-{self.number}", "application/json"
            measurements = [
                {"timestamp": START + at, "subsystem": "/proc/meminfo", "measurement": f"MemFree: {at} kB\n"}
                for at in numbers
            ]
            body = json.dumps({"identifier": machine, "measurements": measurements}).encode()
        samples = [(machine, (START + at) * 1000, at * 1024) for at in numbers]
        return samples, UPLOAD if upload else TRICKLE, body, kind

    def post(self, path: str, body: bytes, kind: str) -> int:
        """Return the status of the answer, 0 if there is none."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            self.connection.request("POST", path, body, {**self.headers, "Content-Type": kind})
            with self.connection.getresponse() as response:
                response.read()
                self.oracle.answers[response.status] += 1
                return response.status
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                self.connection.close()
            self.connection = None
            return 0


@contextmanager
def load(receiver: Forked, oracle: Oracle, seed: int) -> Iterator[None]:
    writers = [Writer(number, receiver.port, receiver.key, oracle, seed) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.over.set()
        for writer in writers:
            writer.join()


def live(receiver: Forked, rounds: int, seed: int, longest_seconds: float = 0.2) -> Oracle:
    """Kill a receiver at so many random moments under load, and return what it acknowledged."""
    chance = random.Random(seed)
    oracle = Oracle()
    receiver.start()
    try:
        with load(receiver, oracle, seed):
            for _ in range(rounds):
                time.sleep(chance.uniform(0, longest_seconds))
                receiver.kill()
                receiver.start()
            time.sleep(longest_seconds)
        receiver.kill()
    finally:
        receiver.close()
    return oracle


def stored(data: Path) -> Counter[Sample]:
    """Return how often each sample is stored; a file that is not sound is an error."""
    found: Counter[Sample] = Counter()
    column = Column(MEMORY_FREE, "")
    with TenantStore(data, TENANT) as store:
        assert store.database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
        for machine in history.machines(store):
            for part in history.read(store, machine.machine_id, groups=[Group.MEMORY]):
                numbers = part.columns[column].numbers.tolist()
                found.update((machine.machine_id, *pair) for pair in zip(part.at_ms.tolist(), numbers, strict=True))
    return found

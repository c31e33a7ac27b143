"""
What receiving costs: small posts and batches a second, each answered after its commit, a long upload, and memory.

Prints one line per figure, with its budget. Takes about a minute.
"""

import http.client
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS, START = 16, 1_767_977_160
POSTS, BATCHES, SAMPLES = 300, 20, 60
FILE_BYTES = 99 << 20
PROGRAM = [sys.executable, "-m", "appliance"]
HEADER = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available,"
    "disk_sda_reads,disk_sda_writes,disk_sda_read_bytes,disk_sda_write_bytes,"
    "net_eth0_rx_bytes,net_eth0_tx_bytes,net_eth0_rx_packets,net_eth0_tx_packets\n"
)


@dataclass(frozen=True)
class Running:
    port: int
    pid: int
    key: str

    def post(self, connection: http.client.HTTPConnection, path: str, body: bytes, kind: str) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(said.decode())

    def cpu_seconds(self) -> float:
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def megabytes(self, name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with receiver(Path(folder) / "posts") as running:
            print(f"resident memory of an idle receiver: {running.megabytes('VmRSS'):.0f} MB (budget: 40)")
            measure(running, f"posts of one sample from {CONNECTIONS} connections", 1, POSTS, 500, 50)
        with receiver(Path(folder) / "batches") as running:
            measure(running, f"batches of {SAMPLES}", SAMPLES, BATCHES, 3000, None)
        with receiver(Path(folder) / "upload") as running:
            upload(running)


@contextmanager
def receiver(data: Path) -> Iterator[Running]:
    for command in (["tenant", "create", "default"], ["key", "create"]):
        done = subprocess.run([*PROGRAM, *command, "--data", str(data)], capture_output=True, text=True, check=True)
    command = [*PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield Running(int(said.split(":")[2].split()[0]), process.pid, done.stdout.strip())
        finally:
            process.terminate()


def trickle(number: int, turn: int, samples: int) -> bytes:
    """Return a batch of samples of forty values each."""
    measurements = []
    for at in range(START + turn * samples, START + (turn + 1) * samples):
        grown = at - START
        cpus = "".join(f"cpu{cpu} {grown * 3} 0 {grown} {grown * 90} 5 0 2 0 0 0\n" for cpu in ("", 0, 1))
        memory = "".join(f"{name}: {8_000_000 + grown * 17 % 9000} kB\n" for name in MEMORY)
        for subsystem, text in (("/proc/stat", cpus), ("/proc/meminfo", memory)):
            measurements.append({"timestamp": at, "subsystem": subsystem, "measurement": text})
    return json.dumps({"identifier": f"m{number}", "measurements": measurements}).encode()


MEMORY = ("MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "Active", "Inactive", "Dirty", "Slab", "Mapped")


def load(running: Running, bodies: list[list[bytes]]) -> list[float]:
    """Post from all connections, each as soon as it has its answer; return what each answer took."""
    requests = [[request(running, body) for body in own] for own in bodies]
    taken: list[float] = []
    # One thread that only waits: what it would cost itself is not to be in the figures.
    with selectors.DefaultSelector() as selector:
        for number in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", running.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(requests[number].pop(0))
            selector.register(connection, selectors.EVENT_READ, [requests[number], time.perf_counter()])
        while selector.get_map():
            for key, _ in selector.select():
                waiting, before = key.data
                answered(key.fileobj)
                key.data[1] = time.perf_counter()
                taken.append(key.data[1] - before)
                if waiting:
                    key.fileobj.sendall(waiting.pop(0))
                else:
                    selector.unregister(key.fileobj).fileobj.close()
    return taken


def request(running: Running, body: bytes) -> bytes:
    head = f"POST /v1/trickle HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answered(connection: socket.socket) -> None:
    said = connection.recv(65536)
    while b"\r\n\r\n" not in said or not said.endswith(b"}"):
        said += connection.recv(65536)
    if not said.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(said.decode())


def measure(running: Running, what: str, samples: int, posts: int, least: int, most_ms: int | None) -> None:
    bodies = [[trickle(number, turn, samples) for turn in range(posts)] for number in range(CONNECTIONS)]
    before, worked = time.perf_counter(), running.cpu_seconds()
    taken = load(running, bodies)
    seconds, worked = time.perf_counter() - before, running.cpu_seconds() - worked
    unit = "posts" if samples == 1 else "samples"
    print(f"{what}: {len(taken) * samples / seconds:.0f} {unit} a second (budget: {least})")
    print(f"{what}: {worked / len(taken) * 1000:.2f} ms of CPU time for each request in the receiver")
    p99 = statistics.quantiles(taken, n=100)[98] * 1000
    print(f"{what}: answered in {p99:.0f} ms, p99" + (f" (budget: {most_ms})" if most_ms else ""))


def upload(running: Running) -> None:
    """Upload as much as a file may have, and ask small things meanwhile."""
    boundary = "benchmark"
    fields = f'--{boundary}\r\nContent-Disposition: form-data; name="machine_id"\r\n\r\nm1\r\n--{boundary}\r\n'
    head = f'{fields}Content-Disposition: form-data; name="file"; filename="m1.csv"\r\n\r\n'
    body = b"".join([head.encode(), csv_file(), f"\r\n--{boundary}--\r\n".encode()])
    over = threading.Event()
    slowest = {"/v1/trickle": 0.0, "/v1/ping": 0.0}

    def ask(path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", running.port)
        turn = 0
        while not over.wait(0.02):
            content = trickle(2, turn, 1) if path == "/v1/trickle" else b'{"timestamp":1}'
            before = time.perf_counter()
            running.post(connection, path, content, "application/json")
            slowest[path] = max(slowest[path], time.perf_counter() - before)
            turn += 1

    asking = [threading.Thread(target=ask, args=(path,)) for path in slowest]
    for thread in asking:
        thread.start()
    before = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    running.post(connection, "/api/v1/performance/upload", body, f"multipart/form-data; boundary={boundary}")
    seconds = time.perf_counter() - before
    over.set()
    for thread in asking:
        thread.join()
    print(f"an upload of {len(body) / 1e6:.0f} MB: {seconds:.1f} s (budget: 30)")
    print(f"an upload of {len(body) / 1e6:.0f} MB: {running.megabytes('VmHWM'):.0f} MB resident (budget: 200)")
    for path, seconds in slowest.items():
        print(f"the slowest answer of {path} meanwhile: {seconds * 1000:.0f} ms (budget: 100)")


def csv_file() -> bytes:
    lines, size = [HEADER], len(HEADER)
    while size < FILE_BYTES:
        at = len(lines)
        big = ",".join(str(base * 1_000_000_007 + at * base * 4099) for base in range(3, 11))
        line = f"{START + at},m1,{at % 97 / 4},{at % 11 / 10},71.25,0.5,16777216000,{at * 4096},{at * 8192},{big}\n"
        lines.append(line)
        size += len(line)
    return "".join(lines[:-1]).encode()


if __name__ == "__main__":
    main()

"""
What recording costs: CPU time a sample beside sysstat's in the same minute, memory, and bytes on the wire.

Prints one line per figure, with its budget. Takes about six minutes.
"""

import http.server
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

SECONDS, WARM_UP_SECONDS = 60, 14
SADC = ("/usr/lib/sysstat/sadc", "/usr/lib64/sa/sadc")
MANY_SAMPLES = 100_000
MEMORY_MB, WIRE_BYTES = 16, 600
PSUTIL = """
import psutil, time
while True:
    psutil.cpu_times(percpu=True), psutil.virtual_memory(), psutil.disk_io_counters(True), psutil.net_io_counters(True)
    time.sleep(1)
"""
OPTIONS = ["collect", "--interval", "1s"]
PROGRAM = [sys.executable, "-m", "appliance", *OPTIONS]
LESS = """
from appliance.__main__ import main
from appliance.collect.collectors import COLLECTORS
from appliance.collect.sources import processes
COLLECTORS.remove(processes.source)
main()
"""
WITHOUT_PROCESSES = [sys.executable, "-c", LESS, *OPTIONS]


class Counting(http.server.BaseHTTPRequestHandler):
    """A receiver of the original protocol that counts what reaches it."""

    protocol_version = "HTTP/1.1"
    sizes: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.rfile.read(size)
        self.sizes.append(size)
        answer = b'{"error":null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        beside_peers(Path(folder))
        many_samples(Path(folder))


def beside_peers(folder: Path) -> None:
    """Let the collector record in each mode, one after the other, and its peers beside it all the time."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    trickle = ["--mode", "trickle", "--server", f"http://127.0.0.1:{server.server_port}", "--batch-wait", "1h"]
    trickle += ["--batch", str(SECONDS)]
    commands = {
        "pcc, local": [*PROGRAM, "-o", str(folder / "r.json")],
        "pcc, trickle": [*PROGRAM, *trickle],
        "pcc, local, without processes": [*WITHOUT_PROCESSES, "-o", str(folder / "w.json")],
        "pcc, trickle, without processes": [*WITHOUT_PROCESSES, *trickle],
    }
    cost: dict[str, float] = {}
    memory: dict[str, float] = {}
    with ExitStack() as stack:
        peers = {"psutil, four calls": stack.enter_context(started([sys.executable, "-c", PSUTIL], folder))}
        if sadc := next(filter(os.path.exists, SADC), None):
            peers["sadc -S XALL"] = stack.enter_context(started([sadc, "-S", "XALL", "1", str(folder / "sa")], folder))
        if exporter := shutil.which("prometheus-node-exporter"):
            peers["node_exporter"] = stack.enter_context(scraped(exporter, folder))
        for name, command in commands.items():
            # Alone, since all of ours sample when a second begins, and would be in each other's way.
            with started(command, folder) as pid:
                time.sleep(WARM_UP_SECONDS)
                measured = {name: pid, **{f"{peer} beside {name}": number for peer, number in peers.items()}}
                before = {each: cpu_seconds(number) for each, number in measured.items()}
                time.sleep(SECONDS)
                cost |= {each: (cpu_seconds(at) - before[each]) / SECONDS * 1000 for each, at in measured.items()}
                memory[name] = resident_mb(pid)
    server.shutdown()
    crowd = sum(entry.name.isdigit() for entry in Path("/proc").iterdir())
    for name, milliseconds in cost.items():
        if name.endswith("without processes") and name in commands:
            told(f"CPU a sample, {name}", milliseconds, "ms", cost.get(f"sadc -S XALL beside {name}", math.nan))
        else:
            print(f"CPU a sample, {name}: {milliseconds:.2f} ms")
    share = (cost["pcc, local"] - cost["pcc, local, without processes"]) / crowd * 100
    told(
        f"CPU a sample for 100 processes, of {crowd}", share, "ms", cost.get("sadc -S XALL beside pcc, local", math.nan)
    )
    for name in ("pcc, local", "pcc, trickle"):
        told(f"resident memory, {name}", memory[name], "MB", MEMORY_MB)
    sent = Counting.sizes[0] / SECONDS if Counting.sizes else math.nan
    told(f"a sample on the wire, batches of {SECONDS}", sent, "bytes", WIRE_BYTES)
    print(f"bytes a sample in the recording: {(folder / 'r.json').stat().st_size / recorded(folder):.0f}")


def told(what: str, value: float, unit: str, budget: float) -> None:
    """Print a figure; a budget that cannot be known here, for want of sysstat, is said to be none."""
    known = not math.isnan(budget)
    found = f"budget: {budget:.2f}{', MISSED' if value > budget else ''}" if known else "no sadc to compare with"
    print(f"{what}: {value:.2f} {unit} ({found})")


@contextmanager
def scraped(exporter: str, folder: Path) -> Iterator[int]:
    """Ask a node_exporter once a second, as Prometheus would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(1):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                answer.read()

    with started([exporter, f"--web.listen-address=127.0.0.1:{port}"], folder) as pid:
        asking = threading.Thread(target=scrape)
        asking.start()
        yield pid
        over.set()
        asking.join()


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[int]:
    environment = {**os.environ, "PCC_APIKEY": "benchmark", "HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process's threads, which the scheduler counts in nanoseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def recorded(folder: Path) -> int:
    """Return how many samples the recording has."""
    return (folder / "r.json").read_bytes().count(b'"subsystem":"/proc/stat"')


def many_samples(folder: Path) -> None:
    """Take so many samples that whatever grows is seen, on a clock that does not wait."""
    script = f"""
import os, sys
from appliance.collect import loop
from appliance.collect.recorder import Recorder
from pathlib import Path
ticks = [0.0]
def wait(seconds):
    ticks[0] += max(0.0, seconds)
    return False
recorder = Recorder(Path({str(folder / "many.json")!r}))
taken = [0]
def sink(run, lines):
    recorder.write(run, lines)
    taken[0] += 1
    if taken[0] % 1000 == 0:
        os.ftruncate(recorder.descriptor, 0)
    if taken[0] in ({MANY_SAMPLES // 10}, {MANY_SAMPLES}):
        print(open("/proc/self/status").read().partition("VmRSS:")[2].split()[0])
plan = loop.Plan(1.0, {MANY_SAMPLES - 1}, "benchmark")
loop.record(plan, [sink], wait, lambda: ticks[0])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    early, late = (int(line) / 1024 for line in done.stdout.split())
    print(
        f"resident memory after {MANY_SAMPLES:,} samples: {late:.1f} MB, {late - early:+.2f} MB since "
        f"{MANY_SAMPLES // 10:,} (budget: no growth)"
    )


if __name__ == "__main__":
    if shutil.which("sadc") is None and not any(map(os.path.exists, SADC)):
        print("sysstat is not installed: install it to compare with sadc.")
    main()

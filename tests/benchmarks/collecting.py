"""
What collecting costs: CPU and memory beside sadc at one second, growth over 100,000 samples, bytes on the wire.

CPU seconds, not wall time: of a long run less a short one, so that starting is not counted. Both run at the same time.
"""

import json
import os
import sys
import tempfile
import time
import zlib
from itertools import groupby
from pathlib import Path

from appliance.collect.loop import Plan, Session
from appliance.measurement import from_object
from appliance.ship import trickle
from appliance.ship.sender import GZIP, LEVEL

SADC = next((path for path in ("/usr/lib/sysstat/sadc", "/usr/lib64/sa/sadc") if Path(path).exists()), None)
SAMPLES = 60
MANY = 100_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beside_sadc(folder)
        on_the_wire(folder / f"{SAMPLES}.json")
    growth()


def beside_sadc(folder: Path) -> None:
    started = {start(ours(folder, count)): ("ours", count) for count in (SAMPLES, 1)}
    if SADC:
        started |= {
            start([SADC, "-S", "XALL", "1", str(count + 1), str(folder / f"{count}.sa")]): ("sadc", count)
            for count in (SAMPLES, 1)
        }
    spent = {}
    time.sleep(SAMPLES / 2)
    resident = {who: resident_kilobytes(process) for process, who in started.items() if who[1] == SAMPLES}
    for _ in range(len(started)):
        process, _, usage = os.wait4(-1, 0)
        spent[started[process]] = usage.ru_utime + usage.ru_stime
    each = {who: (spent[who, SAMPLES] - spent[who, 1]) / (SAMPLES - 1) * 1000 for who, _ in spent}
    budget = f"at most {each['sadc']:.2f} ms, which sadc -S XALL takes" if SADC else "at most what sadc takes, not here"
    print(f"collect, CPU per sample at 1 s: {each['ours']:.2f} ms ({budget})")
    print(f"collect, resident: {resident['ours', SAMPLES]} KiB (at most 15625 KiB, which are 16 MB)")


def ours(folder: Path, count: int) -> list[str]:
    options = ["--interval", "1s", "--duration", f"{count}s", "-o", str(folder / f"{count}.json")]
    return [sys.executable, "-m", "appliance", "collect", *options]


def start(arguments: list[str]) -> int:
    quiet = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    return os.posix_spawn(arguments[0], arguments, os.environ, file_actions=quiet)


def on_the_wire(recording: Path) -> None:
    """The first sample is left out: what does not change is in it, once a run."""
    lines = [(from_object(json.loads(line)).timestamp, line) for line in recording.read_bytes().splitlines()]
    samples = [b"\n".join(line for _, line in group) for _, group in groupby(lines, key=lambda pair: pair[0])][1:]
    body = trickle.body("machine", 1, samples)
    before = time.process_time()
    packed = zlib.compress(body, LEVEL, GZIP)
    spent = (time.process_time() - before) / len(samples) * 1e6
    print(
        f"collect, on the wire: {len(packed) / len(samples):.0f} bytes a sample of {len(body) / len(samples):.0f}, "
        f"packed in {spent:.0f} µs (at most 600 bytes)"
    )


def growth() -> None:
    session = Session(Plan(1, 0, "machine"), [lambda *_: None], time.monotonic, dict)
    at = int(time.time())
    for number in range(1000):
        session.sample(at + number)
    before, started = resident_kilobytes(), time.process_time()
    for number in range(1000, MANY):
        session.sample(at + number)
    spent = (time.process_time() - started) / (MANY - 1000) * 1e6
    print(f"collect, CPU per sample without a pause: {spent:.0f} µs")
    print(f"collect, growth over {MANY:,} samples: {resident_kilobytes() - before} KiB (at most 256 KiB)")
    for source, total in sorted(session.own.spent_ns.items(), key=lambda pair: -pair[1])[:12]:
        print(f"  {source}: {total / MANY / 1000:.1f} µs")


def resident_kilobytes(process: int | str = "self") -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


if __name__ == "__main__":
    main()

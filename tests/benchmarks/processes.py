"""What the biggest processes cost: CPU time with 100, 500 and 4,000 of them, bytes on the wire, bytes in the store."""

import gzip
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.collect.collectors import COLLECTORS
from appliance.collect.sources import Source, processes
from appliance.measurement import Measurement, line
from appliance.process_metrics import PROCESSES
from appliance.samples import from_measurements
from appliance.store.batches import Batch, add_batch, digest_of
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

LOOKS, WARM_UP_LOOKS, PAUSE_SECONDS, BATCH = 60, 70, 0.1, 60
START = 1_767_977_160
CROWDS = (100, 500, 4000)
HUNDRED_MS, SHARE_MS = 1.0, 10.0
"""A hundred processes may cost as much as everything else may, and no crowd more than a hundredth of a second."""
WIRE_BYTES, STORE_BYTES = 100, 170


def main() -> None:
    rest = measured([make("/proc") for make in COLLECTORS if make is not processes.source])
    print(f"everything but processes: {rest:.2f} ms of CPU a sample")
    for size in CROWDS:
        others = sum(entry.name.isdigit() for entry in Path("/proc").iterdir())
        with crowd(max(0, size - others)):
            found: list[str] = []
            cost = measured([counted(found)])
            budget = min(HUNDRED_MS * size / 100, SHARE_MS)
            print(f"{size} processes: {cost:.2f} ms of CPU a sample (budget: {budget:.2f})")
            print(f"{size} processes: {wire_bytes(found):.0f} bytes a sample on the wire (budget: {WIRE_BYTES})")
    busy = list(busy_hour())
    print(f"a busy hour: {wire_bytes(busy):.0f} bytes a sample on the wire")
    print(f"a busy hour: {store_bytes(busy):.0f} bytes a sample in the store (budget: {STORE_BYTES})")


def measured(sources: list[Source]) -> float:
    """Return the milliseconds of CPU time of a sample, with pauses in which other programs have the caches."""
    spent = 0.0
    for look in range(-WARM_UP_LOOKS, LOOKS):
        before = time.process_time()
        for source in sources:
            try:
                source.read()
            except (OSError, ValueError):
                continue
        if look >= 0:
            spent += time.process_time() - before
            time.sleep(PAUSE_SECONDS)
    return spent / LOOKS * 1000


def counted(found: list[str]) -> Source:
    """Return a source that is asked once a look, however fast looks follow, and keeps what it said."""
    fast = processes.source("/proc", monotonic=iter(range(1, 10_000)).__next__)

    def read() -> str | None:
        text = fast.read()
        assert isinstance(text, str)
        found.append(text)
        return text

    return Source(PROCESSES, read)


@contextmanager
def crowd(size: int) -> Iterator[None]:
    """Have so many processes that only sleep; they end by themselves if nobody ends them."""
    sleepers = [os.posix_spawn("/bin/sleep", ["sleep", "300"], {}) for _ in range(size)]
    try:
        time.sleep(1)
        yield
    finally:
        for pid in sleepers:
            os.kill(pid, signal.SIGKILL)
        for pid in sleepers:
            os.waitpid(pid, 0)


def wire_bytes(texts: list[str]) -> float:
    lines = [line(Measurement(START + at, PROCESSES, text)) for at, text in enumerate(texts)]
    batches = ["".join(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    return sum(len(gzip.compress(batch.encode(), 6)) for batch in batches) / len(texts)


def store_bytes(texts: list[str]) -> float:
    """Return how many bytes of blocks and layouts a sample needs, sent in batches."""
    with tempfile.TemporaryDirectory() as folder:
        Registry(Path(folder)).create_tenant("default")
        with TenantStore(Path(folder), "default") as store:
            for start in range(0, len(texts), BATCH):
                batch = [
                    Measurement(START + start + at, PROCESSES, text)
                    for at, text in enumerate(texts[start : start + BATCH])
                ]
                samples = from_measurements(batch, "web-1", 1).samples
                add_batch(store, Batch(digest_of("trickle", "web-1", str(start).encode()), "trickle", samples, {}))
            (data,), (layouts,) = (
                next(store.database.execute_sql(f"SELECT sum(length({column})) FROM {table}"))
                for column, table in (("data", "block"), ("columns", "layout"))
            )
    return float(data + layouts) / len(texts)


SERVICES = ("postgres", "nginx", "java", "redis-server", "dockerd", "prometheus", "rsyslogd", "node", "sshd", "python3")
JOBS = ("sh", "awk", "grep", "find", "gzip", "rsync", "tar", "perl", "apt", "curl", "logrotate", "git", "cc1", "ld")


def busy_hour(seconds: int = 3600) -> Iterator[str]:
    """Give the texts of a machine on which 25 processes work all the time and jobs come and go each second."""
    chance = random.Random(1)
    workers = [
        [400 + 31 * number, SERVICES[number % len(SERVICES)], chance.randint(5_000, 900_000), 20 * chance.random() ** 3]
        for number in range(25)
    ]
    pid = 2000
    for _ in range(seconds):
        rows = []
        for worker in workers:
            worker[2] += chance.randint(-200, 260) if chance.random() < 0.2 else 0
            written = chance.randint(1, 90) * 4096 if chance.random() < 0.25 else 0
            rows.append(
                row(chance, worker[0], worker[1], worker[2], max(0, round(chance.gauss(worker[3], 3))), written)
            )
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 4))):
            pid = 2000 + (pid + chance.randint(1, 300)) % 30_000
            rows.append(row(chance, pid, chance.choice(JOBS), chance.randint(900, 20_000), chance.randint(1, 60), 4096))
        yield text(rows)


def row(chance: random.Random, pid: int, name: str, kilobytes: int, ticks: int, written: int) -> dict[str, Any]:
    used = [ticks, 0, written] if written else [ticks] if ticks else []
    unit = {"unit": f"{name}.service"} if name in SERVICES else {}
    # Who used CPU time was asked for its switches too, every fifth time: some for each tick that it had.
    asked = ticks and chance.random() < 1 / processes.ASK_SECONDS
    switched = {"switched": [ticks * (15 + pid % 25) + kilobytes % 9, ticks], "switched_over": 5} if asked else {}
    return {
        "pid": pid, "start": pid * 7, "name": name, "user": "root", **unit, "is": ["S", 3, kilobytes],
        "has": [0, 10 + pid % 90], "used": used, **switched
    }  # fmt: skip


def text(rows: list[dict[str, Any]]) -> str:
    """Return the record of a sample: of all these, the ten biggest by each measure."""
    chosen: dict[int, dict[str, Any]] = {}
    for size in (lambda each: each["is"][2], lambda each: sum(each["used"][:1]), lambda each: sum(each["used"][2:])):
        biggest = sorted(rows, key=size, reverse=True)[: processes.BIGGEST]
        chosen |= {each["pid"]: each for each in biggest if size(each)}
    counts = {"processes": 140 + len(rows), "not_looked_at": 45, "threads": 350, "states": {"I": 50, "R": 2, "S": 90}}
    return "".join(
        json.dumps(each, separators=(",", ":")) + "\n" for each in (counts, *(chosen[pid] for pid in sorted(chosen)))
    )


if __name__ == "__main__":
    main()

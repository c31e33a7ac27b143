"""
What storing costs: loading a million rows beside the sqlite3 shell's `.import`, bytes a row and a value, and reading.

Prints one line per figure, with its budget. Takes about a minute.
"""

import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from appliance.formats import reading
from appliance.metrics import Group, Kind
from appliance.samples import Samples, Values
from appliance.store import batches, history
from appliance.store.batches import Batch
from appliance.store.prepared import Prepared
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

SHARED = Path(__file__).parents[3] / "shared"
ROWS, WEEK_MS, MONTH_DAYS = 1_000_000, 7 * 86_400_000, 30
START_MS = 1_767_571_200_000
RECORDED = "oci_e5_vm01_dm_swap"
"""A machine with few CPUs and many disks."""
TYPES = ["INTEGER", "TEXT", *["REAL"] * 4, *["INTEGER"] * 11]


def main() -> None:
    if not SHARED.is_dir():
        print("what the store costs: not measured, for want of ../shared with its generators and recordings")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = generated(folder / "million.csv", ROWS)
        million_rows(folder, source)
        reading_back(folder)
        twice_as_much(folder)
        in_no_order(folder, source)
        recorded_month(folder)
        recordings(folder / "recordings")


def generated(path: Path, rows: int, *options: str) -> Path:
    generator = SHARED / "generators" / "gen_csv.py"
    subprocess.run(
        [sys.executable, generator, path, "--rows", str(rows), *options], check=True, stdout=subprocess.DEVNULL
    )
    return path


def million_rows(folder: Path, source: Path) -> None:
    peer = None
    if shell := shutil.which("sqlite3"):
        names = source.open().readline().strip().split(",")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, TYPES, strict=True))
        script = (
            f"PRAGMA journal_mode=wal;\nCREATE TABLE sample({columns});\n"
            f"CREATE INDEX span ON sample(machine_id, timestamp);\n.mode csv\n.import --skip 1 {source} sample\n"
        )
        peer, _ = cost([shell, str(folder / "peer.sqlite")], script)
        print(f"{ROWS:,} rows into the sqlite3 shell, typed and indexed: {peer:.2f} s of CPU")
    own, peak_mb = imported(folder / "data", source)
    budget = "none, for want of the sqlite3 shell" if peer is None else f"{0.7 * peer:.2f}"
    print(f"{ROWS:,} rows imported: {own:.2f} s of CPU (budget: {budget})")
    if peer is not None:
        print(f"{ROWS:,} rows imported: {own / peer:.2f} of what the sqlite3 shell needs (budget: 0.70)")
    print(f"{ROWS:,} rows imported: {peak_mb:.0f} MB at most (budget: 300)")
    print(f"bytes a row in the store: {size(folder / 'data') / ROWS:.1f} (budget: 32)")


def twice_as_much(folder: Path) -> None:
    """Import a file twice as long, which must not need more memory."""
    _, peak_mb = imported(folder / "twice", generated(folder / "two-million.csv", 2 * ROWS))
    print(f"{2 * ROWS:,} rows imported: {peak_mb:.0f} MB at most (budget: 300)")


def in_no_order(folder: Path, source: Path) -> None:
    """Import a file whose rows are shuffled, which must be put in order in no more memory."""
    lines = source.read_bytes().splitlines(keepends=True)
    rows = lines[1:]
    random.Random(1).shuffle(rows)
    (shuffled := folder / "shuffled.csv").write_bytes(lines[0] + b"".join(rows))
    seconds, peak_mb = imported(folder / "no-order", shuffled)
    print(f"{ROWS:,} rows in no order imported: {seconds:.2f} s of CPU, {peak_mb:.0f} MB at most (budget: 300)")


def recorded_month(folder: Path) -> None:
    """Read all that a collector recorded of a machine in 30 days at 10 s."""
    parsed = reading.read_file(SHARED / "recordings" / RECORDED / "host.json", "m1")
    count = MONTH_DAYS * 8640
    values = sum(len(part.columns) for part in parsed.samples)
    Registry(folder / "recorded").create_tenant("default")
    with TenantStore(folder / "recorded", "default") as store:
        prepared = Prepared(repeated(part, count) for part in parsed.samples)
        batches.add_batch(store, Batch(batches.digest_of("recording", "m1", b""), "recording", prepared, {}))
        month = milliseconds(lambda: history.read(store, "m1"), times=3)
        print(f"30 days at 10 s of all that was recorded, {values} values a sample: {month:.0f} ms (budget: 1000)")


def repeated(part: Samples, count: int) -> Samples:
    """Let a machine do so many samples long what it did in its recording; counters count on."""
    times = -(-count // len(part.at_ms))
    columns = {}
    for column, values in part.columns.items():
        numbers = values.numbers
        grown = numbers[-1] - numbers[0] if column.metric.kind is Kind.COUNTER else 0
        columns[column] = Values((numbers + np.arange(times)[:, None] * grown).ravel()[:count].astype(numbers.dtype))
    return Samples(part.machine, part.run, part.group, START_MS + np.arange(count) * 10_000, columns)


def imported(data: Path, source: Path) -> tuple[float, float]:
    return cost([sys.executable, "-m", "appliance", "import", "--data", str(data), str(source)])


def cost(command: list[str], text: str = "") -> tuple[float, float]:
    """Return the CPU seconds of a program and the megabytes that it had at most."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    # By way of another program: what all children of this one had at most is that of the largest before.
    measuring = [sys.executable, "-S", "-c", script, *command]
    done = subprocess.run(measuring, input=text, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(done.stdout) / 1024


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def reading_back(folder: Path) -> None:
    with TenantStore(folder / "data", "default", read_only=True) as store:
        (machine, *_) = history.machines(store)
        assert machine.start_ms is not None
        end = machine.start_ms + WEEK_MS

        def week() -> None:
            parts = history.read(store, machine.machine_id, machine.start_ms, end, [Group.MEMORY])
            columns = [values.numbers for part in parts for name, values in part.columns.items() if "free" in str(name)]
            np.percentile(np.concatenate(columns), (50, 95, 99))

        print(f"7 days at 10 s of a metric, with p50, p95 and p99: {milliseconds(week):.1f} ms (budget: 20)")
    with TenantStore(folder / "month", "default") as store:
        parsed = reading.read_file(generated(folder / "month.csv", 60_480))
        for day in range(0, MONTH_DAYS, 7):
            shifted = [later(part, day) for part in parsed.samples]
            batches.add_batch(store, Batch(batches.digest_of("csv", "", bytes([day])), "csv", shifted, {}))
        (machine,) = history.machines(store)
        first = machine.end_ms - MONTH_DAYS * 86_400_000 if machine.end_ms else 0
        month = milliseconds(lambda: history.read(store, machine.machine_id, first), times=3)
        print(f"30 days at 10 s of all that a machine page shows: {month:.0f} ms (budget: 1000)")


def later(part: Samples, days: int) -> Samples:
    return Samples(part.machine, part.run, part.group, part.at_ms + days * 86_400_000, part.columns)


def milliseconds(work: Callable[[], object], times: int = 20) -> float:
    """Return how long the fastest of some calls takes."""
    taken = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        taken.append(time.perf_counter() - before)
    return min(taken) * 1000


def recordings(data: Path) -> None:
    """Store every real recording, each in a batch."""
    values = 0
    Registry(data).create_tenant("default")
    with TenantStore(data, "default") as store:
        for path in sorted((SHARED / "recordings").glob("*/*.json")):
            if path.name not in ("host.json", "containers.json"):
                continue
            parsed = reading.read_file(path, path.parent.name)
            values += sum(int(found.mask().sum()) for part in parsed.samples for found in part.columns.values())
            batch = Batch(batches.digest_of("recording", "", str(path).encode()), "recording", parsed.samples, {})
            batches.add_batch(store, batch)
        (stored,) = store.database.execute_sql("SELECT sum(length(data)) FROM block").fetchone()
    print(f"bytes a value of the real recordings: {stored / values:.3f} (budget: 0.25)")


if __name__ == "__main__":
    main()

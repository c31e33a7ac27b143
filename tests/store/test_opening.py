"""Opening a data folder costs the same however much it has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aging import MIDNIGHT, add

from appliance.receive.stores import Stores
from appliance.store.tenant import TenantStore

OPEN = (
    "import sys\n"
    "from pathlib import Path\n"
    "from appliance.receive.stores import Stores\n"
    "stores = Stores(Path(sys.argv[1]))\n"
    "with stores.tenant('team-a').lock:\n"
    "    pass\n"
    "stores.close()\n"
)


def make(data: Path, megabytes: int) -> None:
    stores = Stores(data)
    stores.registry.create_tenant("team-a")
    stores.close()
    with TenantStore(data, "team-a") as store:
        add(store, [MIDNIGHT])
        for number in range(megabytes):
            with store.lock, store.database.atomic("IMMEDIATE"):
                store.database.execute_sql(
                    "INSERT INTO block(machine, kind, run, start_ms, end_ms, samples, layout, codec, checksum, data) "
                    "SELECT machine, kind, run, start_ms + ?, end_ms + ?, samples, layout, codec, checksum, ? "
                    "FROM block WHERE id = 1",
                    (number + 1, number + 1, bytes(1 << 20)),
                )


def calls(data: Path) -> tuple[int, int]:
    """Return how many system calls on files opening a folder takes, and how many bytes are read of its databases."""
    trace = data.with_suffix(".trace")
    try:
        done = subprocess.run(
            ["strace", "-f", "-y", "-qq", "-e", "trace=pread64,pwrite64,openat,fstat,newfstatat", "-o", str(trace),
             sys.executable, "-c", OPEN, str(data)], capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs strace")
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    ours = [line for line in trace.read_text().splitlines() if str(data) in line]
    read = [re.search(r"pread64\(.* = (\d+)$", line) for line in ours]
    return len(ours), sum(int(found[1]) for found in read if found)


def test_opening_reads_as_much_of_a_large_file_as_of_a_small_one(tmp_path: Path) -> None:
    megabytes = int(os.environ.get("OPENED_MEGABYTES", "8"))
    make(tmp_path / "small", 0)
    make(tmp_path / "large", megabytes)

    small, large = calls(tmp_path / "small"), calls(tmp_path / "large")

    print(f"system calls and bytes read: {small} of a small folder, {large} of {megabytes} MB")
    assert abs(large[0] - small[0]) <= 5
    assert abs(large[1] - small[1]) <= 5 * 4096

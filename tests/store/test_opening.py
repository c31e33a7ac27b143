"""Opening a data folder costs the same however much it has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aging import MIDNIGHT, add

from appliance.receive.stores import Stores
from appliance.store.tenant import TenantStore, folder_of

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
    traced("pread64,pwrite64,openat,fstat,newfstatat", trace, OPEN, data)
    ours = [line for line in trace.read_text().splitlines() if str(data) in line]
    read = [re.search(r"pread64\(.* = (\d+)$", line) for line in ours]
    return len(ours), sum(int(found[1]) for found in read if found)


def traced(calls: str, trace: Path, script: str, data: Path) -> None:
    """Run a script on a data folder and have its system calls of some kinds in a file."""
    try:
        done = subprocess.run(
            ["strace", "-f", "-y", "-qq", "-e", f"trace={calls}", "-o", str(trace),
             sys.executable, "-c", script, str(data)], capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs strace")
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr


def test_opening_reads_as_much_of_a_large_file_as_of_a_small_one(tmp_path: Path) -> None:
    megabytes = int(os.environ.get("OPENED_MEGABYTES", "8"))
    make(tmp_path / "small", 0)
    make(tmp_path / "large", megabytes)

    small, large = calls(tmp_path / "small"), calls(tmp_path / "large")

    print(f"system calls and bytes read: {small} of a small folder, {large} of {megabytes} MB")
    assert abs(large[0] - small[0]) <= 5
    assert abs(large[1] - small[1]) <= 5 * 4096


MAKE = (
    "import sys\n"
    "from pathlib import Path\n"
    "from appliance.store.tenant import TenantStore\n"
    "TenantStore(Path(sys.argv[1]), 'team-a').close()\n"
)


def test_a_new_tenants_marker_and_the_names_above_it_are_on_the_disk_when_it_is_open(tmp_path: Path) -> None:
    data = tmp_path / "data"
    trace = tmp_path / "trace"
    traced("fsync", trace, MAKE, data)

    synced = re.findall(r"fsync\(\d+<([^>]+)>\) += 0", trace.read_text())

    own = folder_of(data, "team-a")
    assert {str(path) for path in (own / "TENANT", own, own.parent, data, tmp_path)} <= set(synced)


def test_a_marker_that_lost_its_content_is_written_again(data: Path) -> None:
    TenantStore(data, "team-a").close()
    marker = folder_of(data, "team-a") / "TENANT"
    marker.write_text("")

    TenantStore(data, "team-a").close()

    assert marker.read_text() == "team-a\n"

"""
A source that hangs for real: a FUSE file system whose server never says a word, in the middle of a recorded /proc.

Half way the server goes away and the file system with it: what hung is read again. Needs root and /dev/fuse.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

# A child has the file system taken away after a while, so that the recorder is a process like any other.
DEAD = textwrap.dedent(
    """
    import ctypes, os, sys, time
    folder = sys.argv[1].encode()
    libc = ctypes.CDLL(None, use_errno=True)
    server = os.open("/dev/fuse", os.O_RDWR)
    options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % server
    if libc.mount(b"dead", folder, b"fuse.dead", 0, options):
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
    if os.fork() == 0:
        os.set_inheritable(server, True)
        time.sleep(float(sys.argv[2]))
        # The kernel ends all requests with an error when the last descriptor of the server is closed.
        os.close(server)
        libc.umount2(folder, 2)
        os._exit(0)
    os.close(server)
    """
)
RECORD = DEAD + textwrap.dedent(
    """
    sys.argv = ["perfanalysis", "collect", "--interval", "1s", "--duration", "8s", "--procfs", sys.argv[3],
                "-o", sys.argv[4]]
    from appliance.__main__ import main
    main()
    """
)
CONTROL = DEAD + textwrap.dedent(
    """
    from appliance.collect import loop, relay
    # Without anybody who watches.
    relay.run = lambda work, readings: work()
    loop.take_one(loop.Plan(1.0, 0, "web-1", root=sys.argv[3]))
    """
)
SECONDS = 4.5
HIDDEN = {"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/fuse").exists(), reason="needs root and /dev/fuse to make a dead file system"
)


@pytest.fixture
def proc(tmp_path: Path) -> Iterator[Path]:
    """A recorded /proc of this machine, whose pressure lies where the file system that is dead will be mounted."""
    root = tmp_path / "proc"
    names = ("stat", "meminfo", "net/dev", "diskstats", "vmstat", "loadavg", "uptime", "filesystems", "self/mounts")
    for name in (*names, *(name.removeprefix("/proc/") for name in HIDDEN)):
        source = Path("/proc") / name
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        text = source.read_bytes() if source.exists() else b"some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
        (root / name).write_bytes(text)
    yield root
    shutil.rmtree(root)


def in_a_namespace(program: str, *arguments: object, seconds: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", sys.executable, "-c",
         program, *map(str, arguments)],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def test_a_file_that_hangs_costs_its_own_readings_and_comes_back(proc: Path, tmp_path: Path) -> None:
    done = in_a_namespace(RECORD, proc / "pressure", SECONDS, proc, tmp_path / "r.json", seconds=60)

    assert done.returncode == 0, done.stderr
    samples: dict[float, dict[str, str]] = {}
    for record in map(json.loads, (tmp_path / "r.json").read_text().splitlines()):
        samples.setdefault(record["timestamp"], {})[record["subsystem"]] = record["measurement"]
    times = list(samples)
    assert [at - times[0] for at in times] == list(range(9)), done.stderr
    assert all({"/proc/stat", "/proc/vmstat", "/proc/uptime"} <= set(sample) for sample in samples.values())
    read = [HIDDEN & set(sample) for sample in samples.values()]
    assert read[:3] == [set()] * 3
    assert read[-2:] == [HIDDEN] * 2
    assert "/proc/pressure/io is not recorded: it does not answer." in done.stderr
    assert "/proc/pressure/io is recorded from now on." in done.stderr


def test_control_who_reads_without_a_relay_hangs(proc: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        in_a_namespace(CONTROL, proc / "pressure", 3600, proc, seconds=8)

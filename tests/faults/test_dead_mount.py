"""
A dead network mount: a FUSE file system whose server took the connection and never says a word.

In a mount namespace of its own, so that nobody else meets it. Needs root and /dev/fuse.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DEAD = textwrap.dedent(
    """
    import ctypes, os, sys
    folder = sys.argv[1].encode()
    libc = ctypes.CDLL(None, use_errno=True)
    server = os.open("/dev/fuse", os.O_RDWR)
    options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % server
    if libc.mount(b"nas:/share", folder, b"fuse.sshfs", 0, options):
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
    """
)
CONTROL = DEAD + "os.statvfs(folder)\n"
RECORD = DEAD + textwrap.dedent(
    """
    os.set_inheritable(server, True)
    sys.argv = ["perfanalysis", "collect", "--interval", "1s", "--duration", "6s", "--source", "network-filesystems",
                "-o", sys.argv[2]]
    from appliance.__main__ import main
    main()
    """
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/fuse").exists(), reason="needs root and /dev/fuse to make a dead mount"
)


def in_a_namespace(program: str, *arguments: Path, seconds: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def test_a_dead_mount_costs_no_sample_and_is_recorded_as_dead(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()

    done = in_a_namespace(RECORD, tmp_path / "share", tmp_path / "r.json", seconds=60)

    assert done.returncode == 0, done.stderr
    assert "late" not in done.stderr
    records = [json.loads(line) for line in (tmp_path / "r.json").read_text().splitlines()]
    assert len({record["timestamp"] for record in records}) == 7
    told = [
        json.loads(line) for record in records if record["subsystem"] == "perfanalysis[filesystems]"
        for line in record["measurement"].splitlines()
    ]  # fmt: skip
    dead = [mount for mount in told if mount["mount_point"] == f"{tmp_path}/share"]
    assert [mount["device_error"] for mount in dead] == [1] * 7


def test_control_who_asks_a_dead_mount_without_patience_hangs(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()

    with pytest.raises(subprocess.TimeoutExpired):
        in_a_namespace(CONTROL, tmp_path / "share", seconds=5)

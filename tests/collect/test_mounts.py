"""Mounts: each device once, each asked at every tick, and one that hangs costs only itself."""

import json
import os
import threading
from pathlib import Path

import pytest

from appliance.collect import mounts
from appliance.collect.mounts import Mounts
from appliance.collect.sources import filesystems, statfs


@pytest.fixture
def folders(proc: Path, tmp_path: Path) -> Path:
    """A machine with a local disk, a FUSE file system and one of the network."""
    for name in ("disk", "fuse", "share"):
        (tmp_path / name).mkdir()
    (proc / "filesystems").write_text("nodev\tproc\nnodev\tnfs4\n\text4\n\tfuseblk\n")
    (proc / "self" / "mounts").write_text(
        f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {tmp_path}/disk ext4 rw 0 0\n/dev/sdc1 {tmp_path}/fuse fuseblk rw 0 0\n"
        f"server:/share {tmp_path}/share nfs4 rw 0 0\n"
    )
    return tmp_path


def points(text: str | None) -> list[str]:
    return [json.loads(line)["mount_point"] for line in (text or "").splitlines()]


def test_a_mount_that_hangs_costs_only_itself_and_comes_back(
    proc: Path, folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    free, asked = threading.Event(), []

    def statistics(point: str) -> os.statvfs_result:
        if point.endswith("/fuse"):
            asked.append(threading.current_thread())
            free.wait()
        return os.statvfs(point)

    found = Mounts(str(proc), statistics=statistics)
    source, more = statfs.of(found), filesystems.of(found)
    hanging = [points(source.read()) for _ in range(5)]
    told = [json.loads(line) for line in (more.read() or "").splitlines()]

    assert hanging == [["/", f"{folders}/disk"]] * 5
    assert len(asked) == 1
    assert told[2] == {"mount_point": f"{folders}/fuse", "device_error": 1}
    free.set()
    patience = found.patient[f"{folders}/fuse"]
    with patience.changed:
        assert patience.changed.wait_for(lambda: not patience.asking, 10)
    patience.wait_seconds = 10
    assert points(source.read()) == ["/", f"{folders}/disk", f"{folders}/fuse"]
    assert caplog.messages == [
        f"the file system on {folders}/fuse is not recorded: no answer within 0.1 s.",
        f"the file system on {folders}/fuse is recorded from now on.",
    ]
    patience.end()


def test_a_mount_that_hangs_keeps_its_thread_when_the_list_changes(proc: Path, folders: Path) -> None:
    free, asked = threading.Event(), []

    def statistics(point: str) -> os.statvfs_result:
        if point.endswith("/fuse"):
            asked.append(threading.current_thread())
            free.wait()
        return os.statvfs(point)

    found = Mounts(str(proc), statistics=statistics)
    found.look()

    for number in range(3):
        with (proc / "self" / "mounts").open("a") as file:
            file.write(f"tmpfs /tmp/{number} tmpfs rw 0 0\n")
        found.look()

    assert len(asked) == 1
    free.set()
    found.patient[f"{folders}/fuse"].end()


def test_the_network_is_asked_only_when_it_is_wanted(proc: Path, folders: Path) -> None:
    without, wanted = Mounts(str(proc)), Mounts(str(proc), network=True)

    assert f"{folders}/share" not in [answer.mount.point for answer in without.look()]
    assert [answer.mount.point for answer in wanted.look()] == [f"{folders}/share"]
    for patience in (*without.patient.values(), *wanted.patient.values()):
        patience.end()


def test_what_lies_in_a_file_system_that_may_hang_may_hang_too() -> None:
    listed = mounts.listed("/dev/sda1 / ext4 rw 0 0\nserver:/ /net nfs4 rw 0 0\n/dev/sdb1 /net/disk ext4 rw 0 0\n")

    slow = mounts.slow_points(listed)
    assert [mounts.is_prompt(mount.point, slow) for mount in listed] == [True, False, False]
    assert mounts.is_prompt("/network", slow)


def test_names_of_mounts_have_any_bytes(proc: Path) -> None:
    mount, other = mounts.listed("/dev/sda1 /a\\040b\\134x41 ext4 rw 0 0\n/dev/sda2 /\\xff ext4 rw 0 0\n")

    assert (mount.point, os.fsencode(other.point)) == ("/a b\\x41", b"/\xff")
    assert mounts.readable(other.point) == "/\\xff"


def test_a_name_may_hold_what_python_takes_for_the_end_of_a_line() -> None:
    text = "/dev/sda1 /a\u2028b ext4 rw 0 0\n/dev/sda2 /c\x1cd\x85 ext4 rw 0 0\n"

    assert [mount.point for mount in mounts.listed(text)] == ["/a\u2028b", "/c\x1cd\x85"]


def test_a_file_system_has_inodes_and_says_whether_it_can_be_written(proc: Path) -> None:
    found = Mounts(str(proc))
    found.look()

    (record,) = [json.loads(line) for line in (filesystems.of(found).read() or "").splitlines()]

    root = os.statvfs("/")
    assert record["mount_point"] == "/"
    assert (record.get("inodes_total", 0), record["device_error"]) == (root.f_files, 0)
    assert record["read_only"] == bool(root.f_flag & os.ST_RDONLY)


def test_the_list_of_this_machine_is_read_when_it_may_have_changed() -> None:
    table = mounts.Table("/proc/self/mounts")

    assert table.may_have_changed()
    # Somebody else may mount something just now, but not all the time.
    assert sum(table.may_have_changed() for _ in range(20)) < 5
    table.due = 0
    assert table.may_have_changed()


def test_a_list_that_is_a_mere_file_is_always_read(proc: Path) -> None:
    table = mounts.Table(str(proc / "self" / "mounts"))

    assert table.may_have_changed()
    assert table.may_have_changed()

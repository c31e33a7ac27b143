"""File systems that other machines write to are told from those of this one."""

import os
from pathlib import Path

import pytest

from appliance.store.file_system import shared_kind


def mounted(folder: Path, kind: str) -> str:
    device = folder.stat().st_dev
    return (
        "21 1 0:20 / /proc rw shared:5 - proc proc rw\n"
        f"30 1 {os.major(device)}:{os.minor(device)} / /data rw,relatime shared:7 master:1 - {kind} server:/export rw\n"
    )


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs"])
def test_what_other_machines_write_to_is_named(tmp_path: Path, kind: str) -> None:
    assert shared_kind(tmp_path, mounted(tmp_path, kind)) == kind


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuse.ntfs-3g"])
def test_what_is_of_this_machine_is_not(tmp_path: Path, kind: str) -> None:
    assert shared_kind(tmp_path, mounted(tmp_path, kind)) is None


@pytest.mark.parametrize("text", ["", "\n", "30 1\n", "no mounts - at all\n"])
def test_what_is_not_known_is_not_shared(tmp_path: Path, text: str) -> None:
    assert shared_kind(tmp_path, text) is None


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert shared_kind(tmp_path) is None

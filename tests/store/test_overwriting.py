"""Erasing a tenant overwrites what it had on the disk before the blocks are given back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from keeping import fill
from power_cut import Disk, disk

from appliance.store import erase, overwriting
from appliance.store.tenant import folder_of

WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from keeping import batch
from appliance.store import batches
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore
data = Path(sys.argv[1])
registry = Registry(data)
registry.create_tenant("team-a")
registry.create_tenant("canary-tenant")
registry.create_key("canary-tenant", label="canary-label")
store = TenantStore(data, "canary-tenant")
for number in range(40):
    batches.add_batch(store, batch(number, "canary-machine"))
os._exit(0)
"""
"""Ends as a killed receiver does: the logs stay where they are, and none of their blocks was given back."""


def filled(on: Disk) -> Path:
    data = on.folder / "data"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", WRITER, data, Path(__file__).parent], check=True, env=environment)
    folder = folder_of(data, "canary-tenant")
    aside = data / "quarantine" / f"{folder.name}-20260131T120000Z"
    aside.mkdir(parents=True)
    (aside / "data.sqlite").write_bytes(b"canary-aside" * 10_000)
    subprocess.run(["sync", "-f", on.folder], check=True)
    return data


def canaries(on: Disk) -> int:
    """Count them on the whole disk, also where no file is."""
    subprocess.run(["sync", "-f", on.folder], check=True)
    return on.image.read_bytes().count(b"canary-")


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_no_block_of_a_disk_has_anything_of_an_erased_tenant(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        data = filled(on)
        assert canaries(on) > 10_000

        erase.erase(data, "canary-tenant")

        assert canaries(on) == 0


def test_control_files_that_are_only_removed_stay_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwriting, "overwrite", lambda path: None)
    with disk(tmp_path, "ext4") as on:
        data = filled(on)

        erase.erase(data, "canary-tenant")

        assert canaries(on) > 10_000


def test_a_copy_that_shares_its_file_and_what_a_link_points_to_are_not_overwritten(tmp_path: Path, data: Path) -> None:
    fill(data, "team-a", 1)
    fill(data, "canary-tenant", 1)
    folder = folder_of(data, "canary-tenant")
    (folder / "shared").write_text("kept")
    (tmp_path / "copy").hardlink_to(folder / "shared")
    (tmp_path / "elsewhere").write_text("kept")
    (folder / "link").symlink_to(tmp_path / "elsewhere")

    erase.erase(data, "canary-tenant")

    assert not folder.exists()
    assert [(tmp_path / name).read_text() for name in ("copy", "elsewhere")] == ["kept", "kept"]

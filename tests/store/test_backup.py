"""Backups and exports: whole or not there, verified, of one state each, and refused when a bit of them changed."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from copies import backing_up, by_cp, copying, extracted, look, look_for_rests, under_commits, unseen_flips
from injected import sweep
from keeping import batch, content, fill, rows_of

from appliance.errors import BadConfiguration, BadData, CannotCreate, NotFound, UsageError
from appliance.store import archive, backup, batches, registry, restore, tenant, verify
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of


@pytest.fixture
def filled(data: Path) -> Path:
    fill(data, "team-a", 1, 2, 3)
    fill(data, "team-b", 4)
    return data


def test_a_backup_has_every_row_of_every_tenant_and_its_keys(filled: Path, tmp_path: Path) -> None:
    done = backup.back_up(filled, tmp_path / "backup")

    restore.restore(tmp_path / "new", done.path)

    assert content(tmp_path / "new") == content(filled)
    assert done.bytes == done.path.stat().st_size
    assert [(kept.name, kept.machines, kept.blocks, kept.batches) for kept in done.manifest.tenants] == [
        ("team-a", 1, 3, 3),
        ("team-b", 1, 1, 1),
    ]


def test_a_backup_is_for_its_owner_alone(filled: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = backup.back_up(filled, tmp_path / "backup").path
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_tar_and_sha256sum_read_a_backup_without_us(filled: Path, tmp_path: Path) -> None:
    path = backup.back_up(filled, tmp_path / "backup").path
    plain = extracted(path, tmp_path / "plain")

    manifest = json.loads((plain / "manifest.json").read_text())
    parts = [manifest["registry"], *(kept["part"] for kept in manifest["tenants"])]
    for part in parts:
        said = subprocess.run(["sha256sum", plain / part["file"]], capture_output=True, text=True, check=True).stdout
        assert said.split()[0] == part["sha256"]
    assert manifest["program"]
    assert {part["schema"] for part in parts} == {len(registry.MIGRATIONS), len(tenant.MIGRATIONS)}


def test_a_backup_of_one_tenant_has_nothing_of_the_others(filled: Path, tmp_path: Path) -> None:
    path = backup.back_up(filled, tmp_path / "backup", "team-a").path

    for foreign in (b"team-b", b"label-team-b", folder_of(filled, "team-b").name.encode()):
        assert foreign not in path.read_bytes()
    assert b"label-team-a" in path.read_bytes()


def test_an_export_has_no_keys(filled: Path, tmp_path: Path) -> None:
    path = backup.export_tenant(filled, tmp_path / "exported", "team-a").path

    assert b"label-team-a" not in path.read_bytes()
    assert not (extracted(path, tmp_path / "plain") / "registry.sqlite").exists()


def test_a_folder_gets_a_file_that_is_named_by_the_time(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()

    path = backup.back_up(filled, tmp_path / "backups").path
    of_one = backup.back_up(filled, tmp_path / "backups", "team-a").path

    assert path.match("backups/perfanalysis-2???????T??????Z.tar")
    assert of_one.match("backups/perfanalysis-team-a-2*Z.tar")


@pytest.mark.parametrize(
    ("output", "error"),
    [("there", CannotCreate), ("nowhere/backup", CannotCreate), ("data/backup", UsageError), ("link", CannotCreate)],
)
def test_a_backup_replaces_nothing_and_makes_no_folder(
    filled: Path, tmp_path: Path, output: str, error: type[Exception]
) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to("dangling")

    with pytest.raises(error):
        backup.back_up(filled, tmp_path / output)

    assert (tmp_path / "there").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "link", "there"]


def test_a_tenant_without_data_is_in_the_backup(filled: Path, tmp_path: Path) -> None:
    fill(filled, "team-c")
    shutil.rmtree(folder_of(filled, "team-c"))

    path = backup.back_up(filled, tmp_path / "backup").path
    restore.restore(tmp_path / "new", path)

    assert content(tmp_path / "new") == content(filled)
    assert "team-c" in content(tmp_path / "new")["tenants"]


def test_nothing_is_no_backup(data: Path, tmp_path: Path) -> None:
    Registry(data).close()
    with pytest.raises(NotFound, match="there is nothing to back up in .*: there is no tenant yet"):
        backup.back_up(data, tmp_path / "backup")

    fill(data, "team-a", 1)
    spoil_a_block(data, "team-a")
    with pytest.raises(BadData, match="there is nothing to back up in .*: tenant 'team-a' is damaged"):
        backup.back_up(data, tmp_path / "backup")

    assert not (tmp_path / "backup").exists()


def test_a_damaged_identity_stops_a_restore_before_anything_changes_and_no_backup(filled: Path, tmp_path: Path) -> None:
    (filled / "STORE").write_text("rubbish")
    before = content(filled)

    path = backup.back_up(filled, tmp_path / "backup").path
    with pytest.raises(BadData, match="STORE is damaged: restore it from a backup, or remove it"):
        restore.restore(filled, path, replace=True)

    assert content(filled) == before


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_tenant_whose_file_is_gone_is_left_out_and_can_be_restored(filled: Path, tmp_path: Path, how: str) -> None:
    older = backup.back_up(filled, tmp_path / "older").path
    before = content(filled)
    for file in folder_of(filled, "team-a").glob("data.sqlite*"):
        file.unlink()
    if how == "empty":
        (folder_of(filled, "team-a") / "data.sqlite").touch(0o600)

    done = backup.back_up(filled, tmp_path / "backup")
    verified = dict(verify.examine_all(filled))
    restore.restore(filled, older, "team-a", replace=how == "empty")

    assert "its file is gone or was set aside" in done.manifest.left_out["team-a"]
    assert [damage.what for damage in verified["team-a"].damages] == [
        "its file is gone, or was set aside, for it was damaged"
    ]
    assert content(filled) == before


def test_a_tenant_that_is_not_there_is_said(filled: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no tenant 'team-x': there is team-a, team-b"):
        backup.back_up(filled, tmp_path / "backup", "team-x")
    with pytest.raises(NotFound, match="is no data folder"):
        backup.back_up(tmp_path / "nowhere", tmp_path / "backup")


def spoil_a_block(data: Path, name: str) -> None:
    """Change a stored value, which SQLite's own checks do not see."""
    opened = sqlite3.connect(folder_of(data, name) / "data.sqlite")
    opened.execute("UPDATE block SET checksum = zeroblob(8) WHERE id = (SELECT min(id) FROM block)")
    opened.commit()
    opened.close()


def test_a_damaged_tenant_is_left_out_and_the_others_are_kept(filled: Path, tmp_path: Path) -> None:
    spoil_a_block(filled, "team-a")

    done = backup.back_up(filled, tmp_path / "backup")

    assert [kept.name for kept in done.manifest.tenants] == ["team-b"]
    assert "tenant 'team-a' is damaged" in done.manifest.left_out["team-a"]
    with pytest.raises(BadData, match="'team-a' is damaged"):
        backup.back_up(filled, tmp_path / "other", "team-a")
    assert not (tmp_path / "other").exists()


def test_restoring_such_a_backup_leaves_the_tenant_that_it_lacks_as_it_is(filled: Path, tmp_path: Path) -> None:
    spoil_a_block(filled, "team-a")
    path = backup.back_up(filled, tmp_path / "backup").path
    damaged = rows_of(folder_of(filled, "team-a") / "data.sqlite")

    restored = restore.restore(filled, path, replace=True)

    assert restored.removed == []
    assert content(filled)["tenant team-a"] == damaged
    with pytest.raises(NotFound, match="it was damaged when the backup was made"):
        restore.restore(filled, path, "team-a", replace=True)


def test_backups_under_commits_are_of_one_state_each(data: Path, tmp_path: Path) -> None:
    good, _ = under_commits(data, tmp_path, 5)

    assert good == 5


def test_control_a_copy_of_the_file_alone_lacks_what_was_acknowledged(data: Path, tmp_path: Path) -> None:
    good, _ = under_commits(data, tmp_path, 5, by_cp)

    assert good < 5


def test_what_is_killed_leaves_no_half_of_a_backup_under_its_name(filled: Path, tmp_path: Path) -> None:
    points = [
        *sweep(backing_up(filled), look, "pwrite64", "signal=KILL", tmp_path / "copies", 7),
        *sweep(backing_up(filled), look, "write,fsync,rename", "signal=KILL", tmp_path / "places"),
    ]

    assert {point.ended for point in points} == {"killed"}
    assert {point.left for point in points} == {"none", "whole"}


def test_control_what_is_written_under_its_name_is_found_half(filled: Path, tmp_path: Path) -> None:
    path = backup.back_up(filled, tmp_path / "source").path

    points = sweep(copying(path), look, "sendfile", "signal=KILL", tmp_path / "places")

    assert any(point.left.startswith("half") for point in points)


@pytest.mark.parametrize(
    ("call", "what", "step"), [("write", "error=ENOSPC", 2), ("pwrite64", "error=ENOSPC", 9), ("fsync", "error=EIO", 1)]
)
def test_a_backup_that_the_disk_refuses_leaves_nothing_and_a_sentence(
    filled: Path, tmp_path: Path, call: str, what: str, step: int
) -> None:
    points = sweep(backing_up(filled), look_for_rests, call, what, tmp_path / "places", step)

    assert {point.left for point in points} <= {"none", "whole"}
    assert all(point.ended.startswith("refused: ") for point in points if point.left == "none")
    assert points[0].left == "none"


def test_what_a_killed_backup_left_goes_with_the_next_one(filled: Path, tmp_path: Path) -> None:
    work = tmp_path / ".perfanalysis-0123abcd.part"
    work.mkdir()
    (work / "tenant").write_bytes(bytes(1000))
    os.utime(work, (0, 0))
    own = tmp_path / ".perfanalysis-mine.part"
    own.mkdir()

    with archive.created(tmp_path / "at-work", 0) as other:
        os.utime(other.folder, (0, 0))
        backup.back_up(filled, tmp_path / "backup")

        assert other.folder.exists()
    assert not work.exists()
    assert own.exists()


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 0.99, 1.0])
def test_a_flipped_bit_is_refused_before_anything_is_changed(filled: Path, tmp_path: Path, place: float) -> None:
    path = backup.back_up(filled, tmp_path / "backup").path
    whole = bytearray(path.read_bytes())
    whole[round(place * (len(whole) - 1))] ^= 4
    path.write_bytes(whole)

    with pytest.raises(BadData, match="Nothing was changed"):
        restore.restore(tmp_path / "new", path)

    assert not (tmp_path / "new").exists()


def test_no_flipped_bit_of_a_backup_goes_unseen(filled: Path, tmp_path: Path) -> None:
    assert unseen_flips(filled, tmp_path, 100, 20_261_125) == 0


def test_control_without_the_checksum_flipped_bits_go_unseen(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "check", lambda *_: None)

    assert unseen_flips(filled, tmp_path, 100, 20_261_125) > 50


@pytest.mark.parametrize("kept", [0, 10, 2000, -1])
def test_what_was_cut_short_is_refused(filled: Path, tmp_path: Path, kept: int) -> None:
    path = backup.back_up(filled, tmp_path / "backup").path
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(BadData, match="is no backup or export of perfanalysis, or was cut short"):
        restore.restore(tmp_path / "new", path)


def rewritten(path: Path, change: Callable[[dict[str, object]], object]) -> Path:
    """Write a backup with another manifest, and a checksum that is right."""
    plain = extracted(path, path.with_name("plain"))
    manifest = json.loads((plain / "manifest.json").read_text())
    change(manifest)
    target = path.with_name("rewritten")
    with target.open("wb") as stream:
        writer = archive.Writer(stream, 0)
        for file in sorted(plain.rglob("*.sqlite")):
            writer.add(str(file.relative_to(plain)), file, 0)
        text = json.dumps(manifest).encode()
        writer.write(archive.header("manifest.json", len(text), 0) + text + archive.padding(len(text)))
        stream.write(archive.ending(writer.digest.hexdigest()))
    return target


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda manifest: manifest.update(format=2), BadConfiguration, "was written by a newer perfanalysis"),
        (lambda manifest: manifest["registry"].update(schema=99), BadConfiguration, "newer perfanalysis .schema 99"),
        (lambda manifest: manifest["registry"].update(sha256="0" * 64), BadData, "is not what its manifest says"),
        (lambda manifest: manifest["tenants"][0]["part"].update(file="../../x"), BadData, "has no ../../x in it"),
        (lambda manifest: manifest.pop("tenants"), BadData, "has a manifest that makes no sense"),
        (lambda manifest: manifest.update(tenants=7), BadData, "has a manifest that makes no sense"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(
    filled: Path, tmp_path: Path, change: Callable[[dict[str, object]], object], error: type[Exception], sentence: str
) -> None:
    path = rewritten(backup.back_up(filled, tmp_path / "backup").path, change)
    before = content(filled)

    with pytest.raises(error, match=sentence):
        restore.restore(filled, path, replace=True)

    assert content(filled) == before
    assert list(filled.glob("chang*")) == []


def test_batches_that_come_meanwhile_are_not_waited_for(filled: Path, tmp_path: Path) -> None:
    with TenantStore(filled, "team-a") as store, store.database.atomic("IMMEDIATE"):
        backup.back_up(filled, tmp_path / "backup")

        batches.add(store.database, batch(99))

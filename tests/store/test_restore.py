"""Restoring and importing tenants: verified first, whole, and nobody else's data touched."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from keeping import content, fill, settled

from appliance.errors import BadConfiguration, BadData, CannotCreate, InUse, NotFound, UsageError
from appliance.store import backup, change, claim, database, identity, restore, tenant
from appliance.store.change import Change
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of


@pytest.fixture
def filled(data: Path) -> Path:
    fill(data, "team-a", 1, 2, 3)
    fill(data, "team-b", 4)
    return data


@pytest.fixture
def made(filled: Path, tmp_path: Path) -> Path:
    """A backup, after which more came."""
    path = backup.back_up(filled, tmp_path / "backup").path
    fill(filled, "team-a", 5)
    fill(filled, "team-c", 6)
    return path


@pytest.fixture
def exported(filled: Path, tmp_path: Path) -> Path:
    return backup.export_tenant(filled, tmp_path / "exported", "team-a").path


def keys_of(data: Path) -> dict[str, int | None]:
    """When the keys were revoked, by their labels."""
    registry = Registry(data)
    found = {key["label"]: key["revoked_ms"] for key in registry.keys(None)}
    registry.close()
    return found


def revoke(data: Path, label: str) -> None:
    registry = Registry(data)
    registry.revoke_key(next(key["id"] for key in registry.keys(None) if key["label"] == label))
    registry.close()


def test_what_is_there_is_replaced_only_when_asked(filled: Path, made: Path) -> None:
    before = content(filled)

    with pytest.raises(CannotCreate, match=r"has tenants .team-a, team-b, team-c.: nothing was changed"):
        restore.restore(filled, made)
    with pytest.raises(CannotCreate, match="tenant 'team-a' is there already: nothing was changed"):
        restore.restore(filled, made, "team-a")

    assert settled(filled) == before


def test_a_receiver_that_was_only_started_leaves_nothing_to_be_replaced(made: Path, tmp_path: Path) -> None:
    Registry(tmp_path / "new").create_tenant("default")

    restored = restore.restore(tmp_path / "new", made)

    assert restored.removed == ["default"]
    assert settled(tmp_path / "new")["tenants"] == ["team-a", "team-b"]


def test_a_whole_restore_leaves_what_the_backup_has_and_nothing_else(filled: Path, made: Path, tmp_path: Path) -> None:
    restore.restore(tmp_path / "new", made)

    restored = restore.restore(filled, made, replace=True)

    assert settled(filled) == content(tmp_path / "new")
    assert restored.removed == ["team-c"]
    assert not folder_of(filled, "team-c").exists()


def test_restoring_one_tenant_leaves_the_others_and_its_keys_as_they_are(filled: Path, made: Path) -> None:
    revoke(filled, "label-team-a")
    before = content(filled)

    restored = restore.restore(filled, made, "team-a", replace=True)

    after = settled(filled)
    assert after.pop("tenant team-a") != before.pop("tenant team-a")
    assert after == before
    assert not restored.keys_came


def test_a_tenant_that_is_gone_comes_back_with_its_keys(filled: Path, made: Path, tmp_path: Path) -> None:
    restore.restore(tmp_path / "new", made)
    shutil.rmtree(filled)
    fill(filled, "team-c", 6)
    others = content(filled)

    restored = restore.restore(filled, made, "team-a")

    assert restored.keys_came
    assert set(keys_of(filled)) == {"label-team-a", "label-team-c"}
    assert content(filled)["tenant team-a"] == content(tmp_path / "new")["tenant team-a"]
    assert content(filled)["tenant team-c"] == others["tenant team-c"]


def test_a_key_that_was_revoked_since_the_backup_stays_revoked(filled: Path, made: Path) -> None:
    revoke(filled, "label-team-a")
    revoked = keys_of(filled)["label-team-a"]

    restored = restore.restore(filled, made, replace=True)

    assert restored.revoked == 1
    assert keys_of(filled) == {"label-team-a": revoked, "label-team-b": None}


def test_collectors_learn_that_what_they_sent_may_be_gone(filled: Path, made: Path) -> None:
    before = identity.made(filled)

    restore.restore(filled, made, "team-a", replace=True)

    after = identity.read(filled)
    assert after is not None
    assert after.store_id == before.store_id
    assert after.epoch > before.epoch


def test_a_restored_store_takes_batches_again(filled: Path, made: Path) -> None:
    restore.restore(filled, made, replace=True)

    fill(filled, "team-a", 5)

    assert content(filled)["tenant team-a"] is not None


def test_the_spool_and_the_site_in_a_tenants_folder_stay(filled: Path, made: Path) -> None:
    folder = folder_of(filled, "team-a")
    (folder / "spool").mkdir()
    (folder / "spool" / "1.jsonl").write_text("waits")

    restore.restore(filled, made, replace=True)

    assert (folder / "spool" / "1.jsonl").read_text() == "waits"
    assert sorted(path.name for path in folder.iterdir() if "-" not in path.name) == ["TENANT", "data.sqlite", "spool"]


def test_a_tenant_that_had_no_data_yet_can_be_used_after_a_restore(filled: Path, tmp_path: Path) -> None:
    Registry(filled).create_tenant("team-n")
    path = backup.back_up(filled, tmp_path / "backup").path

    restore.restore(tmp_path / "new", path)
    fill(tmp_path / "new", "team-n", 1)

    assert content(tmp_path / "new")["tenant team-n"] is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("there", ["much", "nothing"])
def test_what_root_restores_belongs_to_whom_the_folder_belongs(
    filled: Path, made: Path, tmp_path: Path, there: str
) -> None:
    """An admin restores with sudo; the receiver runs as a user of its own."""
    target = filled if there == "much" else tmp_path / "new"
    target.mkdir(exist_ok=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, 12345, 12345)

    restore.restore(target, made, replace=True)
    restore.import_tenant(target, backup.export_tenant(target, tmp_path / "exported", "team-b").path, "team-z")

    foreign = [path for path in target.rglob("*") if (path.stat().st_uid, path.stat().st_gid) != (12345, 12345)]
    assert foreign == []


def test_a_damaged_registry_and_a_damaged_tenant_are_replaced(filled: Path, made: Path, tmp_path: Path) -> None:
    restore.restore(tmp_path / "new", made)
    for path in (filled / "registry.sqlite", folder_of(filled, "team-a") / "data.sqlite"):
        path.write_bytes(b"rubbish" * 1000)

    with pytest.raises(CannotCreate, match="has a damaged registry"):
        restore.restore(filled, made)
    with pytest.raises(BadData, match="restore the whole backup, without --tenant"):
        restore.restore(filled, made, "team-a", replace=True)
    restore.restore(filled, made, replace=True)

    assert settled(filled) == content(tmp_path / "new")


def test_a_folder_in_use_is_left_alone(filled: Path, made: Path) -> None:
    before = content(filled)

    with claim.claimed(filled), pytest.raises(InUse):
        restore.restore(filled, made, replace=True)

    assert content(filled) == before


def test_a_damaged_tenant_in_a_backup_is_refused(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = sqlite3.connect(folder_of(filled, "team-a") / "data.sqlite")
    opened.execute("UPDATE block SET checksum = zeroblob(8)")
    opened.commit()
    opened.close()
    with monkeypatch.context() as patch:
        # As an older program, or a memory with an error, may have written it.
        patch.setattr(backup.verify, "examine", lambda *_: backup.verify.Examined())
        path = backup.back_up(filled, tmp_path / "bad").path
    before = content(filled)

    with pytest.raises(BadData, match="tenant 'team-a' is damaged in .*bad .its values are not those"):
        restore.restore(filled, path, replace=True)

    assert settled(filled) == before


def test_an_imported_tenant_has_the_same_history_and_no_keys(exported: Path, filled: Path, tmp_path: Path) -> None:
    imported = restore.import_tenant(tmp_path / "new", exported)

    assert imported.name == "team-a"
    assert content(tmp_path / "new")["tenant team-a"] == content(filled)["tenant team-a"]
    assert keys_of(tmp_path / "new") == {}


def test_a_tenant_is_imported_once_or_under_another_name(exported: Path, filled: Path) -> None:
    before = content(filled)

    with pytest.raises(CannotCreate, match="is there already and stays as it is: --as NAME"):
        restore.import_tenant(filled, exported)
    restore.import_tenant(filled, exported, "team-z")

    after = settled(filled)
    assert after.pop("tenant team-z") == before["tenant team-a"]
    assert after.pop("tenants") == [*before.pop("tenants"), "team-z"]
    assert after == before


def test_an_import_replaces_a_tenant_when_asked_and_its_keys_stay(exported: Path, filled: Path) -> None:
    before = content(filled)
    fill(filled, "team-a", 7)
    epoch = identity.made(filled).epoch

    restore.import_tenant(filled, exported, replace=True)

    assert settled(filled) == before
    assert identity.made(filled).epoch > epoch


def test_an_import_needs_a_tenants_name(exported: Path, filled: Path) -> None:
    before = content(filled)

    with pytest.raises(UsageError, match="'../x' is not a tenant's name"):
        restore.import_tenant(filled, exported, "../x")

    assert settled(filled) == before


def test_a_backup_and_an_export_are_told_apart(exported: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="perfanalysis restore"):
        restore.import_tenant(tmp_path / "new", made)
    with pytest.raises(BadData, match="perfanalysis tenant import"):
        restore.restore(tmp_path / "new", exported)
    with pytest.raises(NotFound, match="has no tenant 'team-x': it has team-a, team-b"):
        restore.restore(tmp_path / "new", made, "team-x")


def older(data: Path, version: int) -> None:
    """Make a tenant's file what a program of an older schema would have left."""
    path = folder_of(data, "team-a") / "data.sqlite"
    new = path.with_name("older.sqlite")
    database.open_file(new, tenant.MIGRATIONS[:version]).close()
    opened = sqlite3.connect(new)
    opened.execute("ATTACH ? AS today", (str(path),))
    for table in ("machine", "batch", "layout", "block", "fact"):
        opened.execute(f"INSERT INTO {table} SELECT * FROM today.{table}")
    opened.commit()
    opened.close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"data.sqlite{suffix}").unlink(missing_ok=True)
    new.rename(path)


@pytest.mark.parametrize("version", range(1, len(tenant.MIGRATIONS)))
def test_a_tenant_of_an_older_schema_is_kept_as_it_is_and_brought_up_to_date_where_it_arrives(
    filled: Path, tmp_path: Path, version: int
) -> None:
    older(filled, version)
    before = content(filled)["tenant team-a"]

    path = backup.export_tenant(filled, tmp_path / "older", "team-a").path
    assert backup.back_up(filled, tmp_path / "backup").manifest.tenants[0].part.schema == version  # type: ignore[union-attr]
    restore.import_tenant(tmp_path / "new", path)

    assert content(tmp_path / "new")["tenant team-a"] == before
    with TenantStore(tmp_path / "new", "team-a") as store:
        assert store.database.execute_sql("PRAGMA user_version").fetchone()[0] == len(tenant.MIGRATIONS)


def test_a_tenant_of_a_newer_schema_is_refused(
    filled: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant, "MIGRATIONS", tenant.MIGRATIONS[:1])

    with pytest.raises(BadConfiguration, match="was written by a newer perfanalysis"):
        restore.import_tenant(tmp_path / "new", exported)


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER planted AFTER INSERT ON batch BEGIN DELETE FROM batch; END",
        "CREATE VIEW planted AS SELECT 1",
        "CREATE TABLE planted(a)",
        "DROP INDEX block_span",
    ],
)
def test_a_file_with_other_tables_than_ours_is_refused(filled: Path, tmp_path: Path, planted: str) -> None:
    opened = sqlite3.connect(folder_of(filled, "team-a") / "data.sqlite")
    opened.execute(planted)
    opened.commit()
    opened.close()
    path = backup.export_tenant(filled, tmp_path / "planted", "team-a").path

    with pytest.raises(BadData, match="other tables than schema"):
        restore.import_tenant(tmp_path / "new", path)


def test_whoever_opens_a_folder_finishes_what_a_crash_left(filled: Path, tmp_path: Path) -> None:
    digest = folder_of(filled, "team-a").name
    with claim.claimed(filled), change.staged(filled) as staging:
        change.write(filled, Change(staging.name, removed=[f"tenants/{digest}"], forgotten=["team-a"]))

    registry = Registry(filled, read_only=True)

    assert registry.tenants() == ["team-b"]
    assert not folder_of(filled, "team-a").exists()
    assert list(filled.glob("[Cc][Hh][Aa][Nn][Gg]*")) == []


def test_what_a_crash_left_undecided_is_removed_by_the_next_claim(filled: Path) -> None:
    (filled / "changing-0123abcd" / "new").mkdir(parents=True)
    before = content(filled)

    assert settled(filled) == before
    assert not (filled / "changing-0123abcd").exists()

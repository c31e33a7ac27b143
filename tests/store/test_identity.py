"""The identity of a data folder: one for ever, and another epoch after each restore."""

import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.errors import BadData
from appliance.store import identity
from appliance.store.registry import Registry


def test_a_folder_gets_its_identity_when_it_is_first_opened_for_writing(tmp_path: Path) -> None:
    Registry(tmp_path / "data").close()
    first = identity.read(tmp_path / "data")
    Registry(tmp_path / "data").close()

    assert first is not None
    assert identity.read(tmp_path / "data") == first
    assert stat.S_IMODE((tmp_path / "data" / "STORE").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "data" / "STORE").read_text()) == {"store_id": first.store_id, "epoch": 1}
    assert str(first) == f"{first.store_id}:1"


def test_reading_gives_no_identity(tmp_path: Path) -> None:
    assert identity.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_two_folders_are_two_stores(tmp_path: Path) -> None:
    assert identity.made(tmp_path / "a").store_id != identity.made(tmp_path / "b").store_id


def test_who_come_at_once_get_one_identity(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        given = set(threads.map(lambda _: identity.made(tmp_path), range(64)))

    assert given == {identity.read(tmp_path)}


def test_a_restore_keeps_the_name_and_begins_another_epoch(tmp_path: Path) -> None:
    before = identity.made(tmp_path)

    after = identity.advance(tmp_path)

    assert after == identity.read(tmp_path)
    assert (after.store_id, after.epoch > before.epoch) == (before.store_id, True)
    assert identity.advance(tmp_path).epoch > after.epoch


def test_one_backup_restored_twice_gives_two_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = identity.made(tmp_path / "backup")
    epochs = {backup.epoch}

    for number, now in enumerate((1_767_977_160.0, 1_767_980_760.0)):
        shutil.copytree(tmp_path / "backup", tmp_path / str(number))
        monkeypatch.setattr("time.time", lambda now=now: now)
        epochs.add(identity.advance(tmp_path / str(number)).epoch)

    assert len(epochs) == 3


def test_a_restore_into_a_folder_without_identity_gives_it_one(tmp_path: Path) -> None:
    assert identity.advance(tmp_path) == identity.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"store_id":"x","epoch":1}', '{"store_id":"%s"}' % ("0" * 32),
                                     '{"store_id":"%s","epoch":0}' % ("0" * 32), "[" * 100_000])  # fmt: skip
def test_a_damaged_identity_is_named_and_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "STORE").write_text(content)

    for use in (identity.read, identity.made, identity.advance):
        with pytest.raises(BadData, match="STORE is damaged: restore it from a backup, or remove it"):
            use(tmp_path)

    assert (tmp_path / "STORE").read_text() == content

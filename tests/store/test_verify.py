"""What is damaged is found, and named by tenant, machine, group and span of time; what is whole is called whole."""

import sqlite3
from pathlib import Path

import pytest
from flips import fill_pages, unseen_flips
from keeping import NOON, fill

from appliance.errors import NotFound
from appliance.store import any_schema, verify
from appliance.store.tenant import TenantStore, folder_of
from appliance.store.verify import Damage


@pytest.fixture
def filled(data: Path) -> Path:
    fill(data, "team-a", 1, 2, 3, machine="web-1")
    fill(data, "team-b", 4, machine="web-2")
    return data


def damages(data: Path, only: str | None = None) -> dict[str, list[Damage]]:
    return {name: found.damages for name, found in verify.examine_all(data, only) if found.damages}


def spoil(data: Path, name: str, statement: str) -> None:
    opened = sqlite3.connect(folder_of(data, name) / "data.sqlite")
    opened.execute(statement)
    opened.commit()
    opened.close()


def test_what_is_whole_is_whole_and_counted(filled: Path) -> None:
    found = dict(verify.examine_all(filled))

    assert {name: (one.machines, one.blocks, one.batches, one.damages) for name, one in found.items()} == {
        "": (0, 0, 0, []),
        "team-a": (1, 3, 3, []),
        "team-b": (1, 1, 1, []),
    }
    assert verify.count_blocks(filled) == 4


BLOCK = "WHERE id = (SELECT max(id) FROM block)"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (f"UPDATE block SET checksum = zeroblob(8) {BLOCK}", "its values are not those that were stored"),
        (f"UPDATE block SET data = zeroblob(40) {BLOCK}", "its values are not those that were stored"),
        (f"UPDATE block SET codec = 77 {BLOCK}", "its values are not those that were stored"),
        (f"UPDATE block SET start_ms = start_ms - 1 {BLOCK}", "its values are of another time than the list says"),
        (f"UPDATE block SET samples = 7 {BLOCK}", "its values are of another time than the list says"),
        (f"UPDATE block SET layout = 99 {BLOCK}", "its machine or its columns are not there"),
        (f"UPDATE block SET kind = 'rubbish' {BLOCK}", "its columns are not those that were stored"),
    ],
)
def test_a_damaged_block_is_named_by_its_machine_group_and_time(filled: Path, statement: str, what: str) -> None:
    spoil(filled, "team-a", statement)

    found = damages(filled)

    assert list(found) == ["team-a"]
    damage = found["team-a"][-1]
    assert (damage.what, damage.machine, damage.end_ms) == (what, "web-1", NOON + 3)
    assert damage.group in ("load", "system", "cpu", "rubbish")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE batch SET receipt = '{' WHERE id = 2", "the receipt of batch 2 is not what was written"),
        ("UPDATE batch SET receipt = '{}' WHERE id = 1", "the receipt of batch 1 is not what was written"),
        ("UPDATE batch SET digest = zeroblob(32) WHERE id = 3", "the receipt of batch 3 is not what was written"),
        ("UPDATE fact SET value = 'x'", "fact 1 of a machine is not what was written"),
        ("UPDATE fact SET machine = 9", "row 1 of the table fact names a machine that is not there"),
        ("UPDATE layout SET columns = '[['", "its columns are not those that were stored"),
        ("DELETE FROM machine", "its machine or its columns are not there"),
    ],
)
def test_what_refers_to_nothing_or_cannot_be_read_is_damage(filled: Path, statement: str, what: str) -> None:
    spoil(filled, "team-a", statement)

    assert what in [damage.what for damage in damages(filled)["team-a"]]


def test_one_tenant_is_examined_alone(filled: Path) -> None:
    spoil(filled, "team-a", "UPDATE block SET checksum = zeroblob(8)")

    assert damages(filled, "team-b") == {}
    assert len(damages(filled, "team-a")["team-a"]) == 3
    with pytest.raises(NotFound):
        damages(filled, "team-x")


@pytest.mark.parametrize("where", ["registry.sqlite", "tenant"])
def test_a_file_that_is_no_database_is_damage_of_its_own_alone(filled: Path, where: str) -> None:
    path = folder_of(filled, "team-a") / "data.sqlite" if where == "tenant" else filled / where
    path.write_bytes(b"rubbish" * 1000)
    path.with_name(path.name + "-wal").unlink(missing_ok=True)

    found = dict(verify.examine_all(filled))

    assert [name for name, one in found.items() if one.damages] == ["team-a" if where == "tenant" else ""]
    assert [one.is_counted for name, one in found.items() if name == "team-a"] == [False] * (where == "tenant")


def test_a_name_of_the_schema_that_is_no_text_any_more_is_damage(filled: Path) -> None:
    """SQLite quotes it in its message, which Python then cannot read."""
    path = folder_of(filled, "team-a") / "data.sqlite"
    with any_schema.writing(path) as opened:
        opened.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    named = whole.replace(b"tablebatchbatch", b"tableb\xactchbatch")
    path.write_bytes(named.replace(b"CREATE TABLE batch", b"CREATE TABLX batch"))

    found = damages(filled)

    assert list(found) == ["team-a"]


def test_a_receiver_writes_on_while_all_is_verified(filled: Path) -> None:
    with TenantStore(filled, "team-a") as store:
        steps = []

        def step(count: int) -> None:
            steps.append(count)
            fill(filled, "team-a", 100 + len(steps), machine="web-1")

        found = dict(verify.examine_all(filled, "team-a", step))

        assert found["team-a"].damages == []
        assert sum(steps) == 3
        assert store.path.exists()


def test_a_block_that_was_merged_meanwhile_is_no_damage(filled: Path) -> None:
    def step(_: int) -> None:
        spoil(filled, "team-a", "DELETE FROM block WHERE id > 1")

    found = dict(verify.examine_all(filled, "team-a", step))

    assert found["team-a"].damages == []


def test_no_flipped_bit_that_changes_samples_goes_unseen(data: Path) -> None:
    assert unseen_flips(fill_pages(data), 150, 20_261_125) == []


def test_control_sqlite_alone_does_not_see_changed_values(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "fault", lambda *_: None)

    assert len(unseen_flips(fill_pages(data), 150, 20_261_125)) > 20

"""Erasing a tenant: no byte of it is left in the data folder, and nothing of the others is missing."""

from pathlib import Path

import pytest
from keeping import content, fill, settled

from appliance.errors import InputOutput, InUse, NotFound
from appliance.store import any_schema, change, claim, erase
from appliance.store.registry import Registry
from appliance.store.tenant import folder_of

CANARIES = (b"canary-tenant", b"canary-machine", b"label-canary-tenant")


@pytest.fixture
def filled(data: Path) -> Path:
    fill(data, "team-a", 1, 2, 3)
    fill(data, "canary-tenant", *range(40), machine="canary-machine")
    fill(data, "team-b", 4)
    return data


def traces(data: Path) -> list[str]:
    """Every file of a data folder in whose bytes, or in whose name, there is something of the tenant."""
    digest = folder_of(data, "canary-tenant").name
    hexadecimal = [*CANARIES, digest.encode()]
    return [
        str(path.relative_to(data))
        for path in data.rglob("*")
        if digest in path.name or (path.is_file() and any(each in path.read_bytes() for each in hexadecimal))
    ]


def test_no_byte_of_an_erased_tenant_is_left(filled: Path) -> None:
    folder = folder_of(filled, "canary-tenant")
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("canary-machine")
    (filled / "quarantine").mkdir()
    (filled / "quarantine" / f"{folder.name}-20260131T120000Z").mkdir()
    assert len(traces(filled)) > 4

    erase.erase(filled, "canary-tenant")

    assert traces(filled) == []


def test_the_others_are_not_touched(filled: Path) -> None:
    before = content(filled)

    erase.erase(filled, "canary-tenant")

    after = settled(filled)
    assert after["tenants"] == ["team-a", "team-b"]
    assert len(after["keys"]) == 2
    assert all(after[f"tenant {name}"] == before[f"tenant {name}"] for name in after["tenants"])


def test_control_without_rewriting_the_registry_its_bytes_are_left(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(path: Path, names: list[str]) -> None:
        with any_schema.writing(path) as opened:
            opened.execute_sql("PRAGMA wal_autocheckpoint = 0")
            for name in names:
                opened.execute_sql("DELETE FROM key WHERE tenant = ?", (name,))
                opened.execute_sql("DELETE FROM tenant WHERE id = ?", (name,))

    monkeypatch.setattr(change, "forget_rows", forget)

    erase.erase(filled, "canary-tenant")

    assert traces(filled) == ["registry.sqlite"]


def test_a_name_can_be_used_again(filled: Path) -> None:
    erase.erase(filled, "canary-tenant")

    fill(filled, "canary-tenant", 7)

    assert "canary-tenant" in content(filled)["tenants"]


def test_a_tenant_that_is_not_there_is_said(filled: Path) -> None:
    with pytest.raises(NotFound, match="there is no tenant 'team-x'"):
        erase.erase(filled, "team-x")


def test_nothing_is_erased_while_a_receiver_runs(filled: Path) -> None:
    before = content(filled)

    with claim.claimed(filled), pytest.raises(InUse):
        erase.erase(filled, "canary-tenant")

    assert settled(filled) == before


def test_who_reads_the_registry_for_long_delays_the_end_of_an_erasure(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(any_schema.database, "PRAGMAS", [*any_schema.database.PRAGMAS, ("busy_timeout", 100)])
    reader = Registry(filled, read_only=True)
    with reader.database.atomic():
        reader.names()
        with pytest.raises(InputOutput, match="could not be finished yet .*being read by another process"):
            erase.erase(filled, "canary-tenant")
    reader.close()

    assert Registry(filled).tenants() == ["team-a", "team-b"]
    assert traces(filled) == []

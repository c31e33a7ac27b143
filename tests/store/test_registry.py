"""Tenants and keys: who may do what, and that nothing else is learned."""

from pathlib import Path

import pytest

from appliance.errors import InvalidKey, NotFound, UsageError
from appliance.store.registry import Registry


@pytest.fixture
def registry(data: Path) -> Registry:
    opened = Registry(data)
    opened.create_tenant("team-a")
    return opened


def test_a_key_opens_its_tenant_and_no_other(registry: Registry) -> None:
    registry.create_tenant("team-b")

    grant = registry.authenticate(registry.create_key("team-b", ["read"]))

    assert (grant.tenant, grant.scopes) == ("team-b", frozenset({"read"}))


def test_a_key_is_not_stored(registry: Registry, data: Path) -> None:
    key = registry.create_key("team-a")
    registry.close()

    stored = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())

    assert key.split("_")[1].encode() in stored
    assert key.split("_")[2].encode() not in stored
    assert bytes.fromhex(key.split("_")[2]) not in stored


def test_every_bad_key_gets_the_same_answer(registry: Registry) -> None:
    valid, revoked = registry.create_key("team-a"), registry.create_key("team-a")
    registry.revoke_key(revoked.split("_")[1])
    other_secret = f"{valid[:17]}{'0' * 64}{valid[81:]}"

    answers = set()
    for bad in ("", "x", "pa1_", valid[:-1], valid + "\n", valid.upper(), other_secret, revoked, "é" * 90, "\udcff"):
        with pytest.raises(InvalidKey) as caught:
            registry.authenticate(bad)
        answers.add((caught.value.message, caught.value.error_code, str(caught.value.details)))

    assert len(answers) == 1
    assert registry.authenticate(valid).tenant == "team-a"


@pytest.mark.parametrize("name", ["", "-a", "A", "a/b", "..", "a" * 64, "a b", "a\n", "é"])
def test_tenants_names_are_narrow(registry: Registry, name: str) -> None:
    with pytest.raises(UsageError, match="small letters"):
        registry.create_tenant(name)


def test_the_only_tenant_is_chosen_and_of_two_none(registry: Registry) -> None:
    assert registry.choose(None) == "team-a"

    registry.create_tenant("team-b")

    with pytest.raises(UsageError, match="--tenant: there is team-a, team-b"):
        registry.choose(None)
    with pytest.raises(NotFound, match="there is no tenant 'c'"):
        registry.choose("c")


def test_a_tenant_is_made_once_and_a_key_is_revoked_once(registry: Registry) -> None:
    key_id = registry.create_key("team-a", label="laptop").split("_")[1]
    registry.revoke_key(key_id)

    with pytest.raises(UsageError, match="exists already"):
        registry.create_tenant("team-a")
    with pytest.raises(NotFound, match="there is no valid key"):
        registry.revoke_key(key_id)
    with pytest.raises(UsageError, match="scopes"):
        registry.create_key("team-a", ["fly"])
    assert [(key["id"], key["label"], key["revoked_ms"] is not None) for key in registry.keys("team-a")] == [
        (key_id, "laptop", True)
    ]


def test_reading_makes_no_data_folder(data: Path) -> None:
    with pytest.raises(NotFound, match="no data folder"):
        Registry(data, read_only=True)

    assert not data.exists()

"""Keys: what they allow, from when until when, how they are replaced, and what older registries had of them."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from appliance.errors import InvalidKey, InvalidMachineId, NotFound, UsageError
from appliance.store import registry as registries
from appliance.store.registry import MIGRATIONS, MINUTE_MS, Registry, now_ms

DAY_MS = 86_400_000


@pytest.fixture
def registry(data: Path) -> Registry:
    opened = Registry(data)
    opened.create_tenant("team-a")
    return opened


def id_of(key: str) -> str:
    return key.split("_")[1]


def is_valid(registry: Registry, key: str) -> bool:
    try:
        registry.authenticate(key)
    except InvalidKey:
        return False
    return True


def at(monkeypatch: pytest.MonkeyPatch, moment_ms: int) -> None:
    """Let it be that time for the registry."""
    monkeypatch.setattr(registries, "now_ms", lambda: moment_ms)


def test_a_key_is_of_every_machine_or_of_those_it_is_bound_to(registry: Registry) -> None:
    free = registry.authenticate(registry.create_key("team-a"))
    bound = registry.authenticate(registry.create_key("team-a", machines=["web-2", "web-1", "web-2"]))

    assert free.machines is None and free.covers("anything")
    assert bound.machines == {"web-1", "web-2"}
    assert bound.covers("web-1") and not bound.covers("web-3")
    assert [key["machines"] for key in registry.keys("team-a")] == ["", "web-1 web-2"]


@pytest.mark.parametrize("machine", ["", "a b", "../x", "-rf", "x" * 65])
def test_a_key_is_bound_to_nothing_that_is_no_machine(registry: Registry, machine: str) -> None:
    with pytest.raises(InvalidMachineId):
        registry.create_key("team-a", machines=[machine])


def test_what_no_key_may_be_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="at most 200 letters"):
        registry.create_key("team-a", label="x" * 201)
    with pytest.raises(UsageError, match="1,000 machines"):
        registry.create_key("team-a", machines=[f"m{number}" for number in range(1001)])
    with pytest.raises(UsageError, match="never be valid"):
        registry.create_key("team-a", expires_ms=now_ms() - 1)
    with pytest.raises(UsageError, match="never be valid"):
        registry.create_key("team-a", starts_ms=now_ms() + DAY_MS, expires_ms=now_ms() + DAY_MS)
    assert registry.keys() == []


def test_a_key_is_valid_from_its_first_millisecond_to_before_its_last(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    key = registry.create_key("team-a", starts_ms=now + 1000, expires_ms=now + 2000)
    seen = []

    for moment_ms in (now + 999, now + 1000, now + 1999, now + 2000):
        at(monkeypatch, moment_ms)
        seen.append((is_valid(registry, key), registry.grant_of(id_of(key)) is not None, registry.keys()[0]["state"]))

    assert seen == [(False, False, "waiting"), (True, True, "valid"), (True, True, "valid"), (False, False, "expired")]


def test_a_key_is_rotated_to_one_with_the_same_rights_and_ends_after_the_overlap(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    old = registry.create_key("team-a", ["write"], "shop", machines=["web-1"])

    new = registry.rotate_key(id_of(old), overlap_ms=1000)

    before, after = registry.authenticate(old), registry.authenticate(new)
    assert (after.tenant, after.scopes, after.machines) == (before.tenant, before.scopes, before.machines)
    assert [(key["label"], key["state"], key["replaced_by"]) for key in registry.keys(None)] == [
        ("shop", "ending", id_of(new)),
        ("shop", "valid", None),
    ]
    at(monkeypatch, now + 60_000)
    assert (is_valid(registry, old), is_valid(registry, new)) == (False, True)


def test_without_an_overlap_the_old_key_ends_at_once(registry: Registry) -> None:
    old = registry.create_key("team-a")

    new = registry.rotate_key(id_of(old), overlap_ms=0)

    assert (is_valid(registry, old), is_valid(registry, new)) == (False, True)


def test_a_rotated_key_lives_as_long_again_and_the_old_one_no_longer_than_it_was_to(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = now_ms()
    at(monkeypatch, made)
    old = registry.create_key("team-a", expires_ms=made + 90 * DAY_MS)
    at(monkeypatch, made + 89 * DAY_MS)

    registry.rotate_key(id_of(old), overlap_ms=7 * DAY_MS)

    assert [key["expires_ms"] for key in registry.keys(None)] == [made + 90 * DAY_MS, made + 179 * DAY_MS]


def test_a_key_that_has_ended_or_was_rotated_is_not_rotated(registry: Registry) -> None:
    revoked, rotated = registry.create_key("team-a"), registry.create_key("team-a")
    registry.revoke_key(id_of(revoked))
    new = registry.rotate_key(id_of(rotated), 1000)

    with pytest.raises(NotFound, match="was revoked already"):
        registry.rotate_key(id_of(revoked), 0)
    with pytest.raises(UsageError, match=f"rotate the new one, {id_of(new)}"):
        registry.rotate_key(id_of(rotated), 0)
    assert len(registry.keys()) == 3


def test_a_key_that_leaked_is_revoked_by_itself(registry: Registry) -> None:
    key = registry.create_key("team-a")

    assert registry.revoke_key(key) == id_of(key)

    assert not is_valid(registry, key)


def test_a_mistyped_id_is_asked_back_and_a_secret_is_not_repeated(registry: Registry) -> None:
    key = registry.create_key("team-a")
    typed = f"{id_of(key)[:11]}{'0' if id_of(key)[11] != '0' else '1'}"

    with pytest.raises(NotFound, match=f"Did you mean '{id_of(key)}'"):
        registry.revoke_key(typed)
    with pytest.raises(NotFound) as caught:
        registry.revoke_key(key.replace(id_of(key), "0" * 12) + "x")
    assert key.split("_")[2][:8] not in caught.value.message
    with pytest.raises(NotFound, match="Did you mean 'team-a'"):
        registry.choose("taem-a")


def test_what_another_process_does_to_a_key_is_in_force_at_the_next_request(registry: Registry, data: Path) -> None:
    elsewhere = Registry(data)
    key = registry.create_key("team-a")
    assert is_valid(elsewhere, key) and is_valid(registry, key)

    elsewhere.revoke_key(id_of(key))
    made = elsewhere.create_key("team-a")
    elsewhere.rotate_key(id_of(rotated := elsewhere.create_key("team-a")), 0)

    assert [is_valid(registry, one) for one in (key, made, rotated)] == [False, True, False]


def test_when_a_key_was_used_is_noted_to_the_minute_and_only_for_a_valid_key(
    registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, revoked = registry.create_key("team-a"), registry.create_key("team-a")
    registry.revoke_key(id_of(revoked))
    now = now_ms()
    at(monkeypatch, now)
    for key in (used, revoked, f"{used[:-70]}{'0' * 70}"):
        is_valid(registry, key)
    before = [key["used_ms"] for key in registry.keys(None)]

    registry.write_used()

    assert before == [None, None]
    assert [key["used_ms"] for key in Registry(data, read_only=True).keys(None)] == [now - now % MINUTE_MS, None]


def test_what_a_key_signed_is_a_use_of_the_key(registry: Registry) -> None:
    key = registry.create_key("team-a")

    registry.grant_of(id_of(key))
    registry.write_used()

    assert registry.keys(None)[0]["used_ms"] is not None


def test_an_earlier_use_does_not_hide_a_later_one(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registry.create_key("team-a")
    now = now_ms()
    for moment_ms in (now + 10 * MINUTE_MS, now):
        at(monkeypatch, moment_ms)
        registry.authenticate(key)
        registry.write_used()

    assert registry.keys()[0]["used_ms"] == (now + 10 * MINUTE_MS) // MINUTE_MS * MINUTE_MS


def test_nobody_waits_for_what_is_written_about_the_last_use(registry: Registry, data: Path) -> None:
    key = registry.create_key("team-a")
    registry.authenticate(key)
    writing = threading.Thread(target=registry.write_used)

    with Registry(data).changing():
        writing.start()
        time.sleep(0.2)
        grant = registry.authenticate(key)
        waiting = writing.is_alive()
    writing.join()

    assert grant.tenant == "team-a"
    assert waiting
    assert registry.keys()[0]["used_ms"] is not None


def test_a_data_folder_that_was_taken_away_is_not_made_again(registry: Registry, data: Path) -> None:
    registry.authenticate(registry.create_key("team-a"))
    data.rename(data.with_name("moved"))

    registry.write_used()

    assert not data.exists()


@pytest.fixture
def old_registry(data: Path) -> tuple[str, str]:
    """A registry as the first version wrote it: a key that is valid and one that was revoked."""
    data.mkdir(mode=0o700)
    path = data / "registry.sqlite"
    keys = [f"pa1_{number * 12}_{number * 64}_{number * 8}" for number in ("1", "2")]
    with sqlite3.connect(path) as old:
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        old.execute("PRAGMA application_id = 0x50414E31")
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO tenant VALUES('team-a', 1)")
        for key, revoked_ms in zip(keys, (None, 5), strict=True):
            row = (id_of(key), "team-a", registries.digest(key), "read write", "old", 1, revoked_ms)
            old.execute("INSERT INTO key VALUES(?, ?, ?, ?, ?, ?, ?)", row)
    old.close()
    path.chmod(0o600)
    return keys[0], keys[1]


@pytest.mark.parametrize("read_only", [False, True])
def test_keys_of_an_older_registry_go_on_as_they_were(
    old_registry: tuple[str, str], data: Path, read_only: bool
) -> None:
    registry = Registry(data, read_only=read_only)

    grant = registry.authenticate(old_registry[0])

    assert (grant.tenant, grant.scopes, grant.machines) == ("team-a", {"read", "write"}, None)
    assert not is_valid(registry, old_registry[1])
    assert [(key["state"], key["expires_ms"], key["used_ms"]) for key in registry.keys(None)] == [
        ("valid", None, None),
        ("revoked", None, None),
    ]


def test_a_migration_that_breaks_off_leaves_the_registry_as_it_was(
    old_registry: tuple[str, str], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [MIGRATIONS[0], [*MIGRATIONS[1], "CREATE TABLE tenant(x)"]]
    with monkeypatch.context() as patched:
        patched.setattr(registries, "MIGRATIONS", broken)
        with pytest.raises(Exception, match="tenant"):
            Registry(data)
    with sqlite3.connect(data / "registry.sqlite") as left:
        columns = [row[1] for row in left.execute("PRAGMA table_info(key)")]
        version = left.execute("PRAGMA user_version").fetchone()
    left.close()

    assert (version, "machines" in columns) == ((1,), False)
    assert is_valid(Registry(data), old_registry[0])

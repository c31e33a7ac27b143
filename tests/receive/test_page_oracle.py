"""Random visits to pages, and links, against an oracle: the short run of tests/faults/test_access.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from access_oracle import World
from page_oracle import KNOWN_PAGES, page_violations

from appliance.receive.application import OPEN, PAGES
from appliance.receive.people.sessions import Session
from appliance.store.registry import NOBODY, Grant

REASONS = {
    "401 key", "403 scope", "403 tenant", "403 binding", "403 token", "400 machine id", "200 stranger", "200 /",
    "200 /upload", "200 /reports/", "link 200", "link 401", "link 403",
}  # fmt: skip


@pytest.fixture
def world(data: Path) -> Iterator[World]:
    made = World(data, tenants=3, seed=2)
    yield made
    made.close()


def test_the_oracle_knows_every_page_that_has_something_of_a_tenant() -> None:
    assert {route.path for route in PAGES if route.scope != OPEN} <= KNOWN_PAGES


def test_every_visit_shows_what_the_key_allows_and_nobody_learns_what_is_not_theirs(world: World) -> None:
    found = page_violations(world, 700)

    assert found == []
    assert set(world.met) >= REASONS, world.met


def of_another_tenant(world: World) -> Callable[[str], Grant | None]:
    real = world.stores.registry.grant_of

    def grant_of(key_id: str) -> Grant | None:
        grant = real(key_id)
        return grant and replace(grant, tenant=world.tenants[world.tenants.index(grant.tenant) - 1])

    return grant_of


def of_ended_keys(world: World) -> Callable[[str], Grant | None]:
    return lambda key_id: stored.grant if (stored := world.stores.registry.stored().get(key_id, NOBODY)) else None


def of_every_machine(world: World) -> Callable[[str], Grant | None]:
    real = world.stores.registry.grant_of
    return lambda key_id: (grant := real(key_id)) and replace(grant, machines=None)


@pytest.mark.parametrize("check_removed", [of_another_tenant, of_ended_keys, of_every_machine])
def test_control_the_oracle_sees_each_check_of_a_session_that_is_removed(
    world: World, check_removed: Callable[[World], Callable[[str], Grant | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.stores.registry, "grant_of", check_removed(world))

    assert len(page_violations(world, 400, change_every=8)) > 5


def test_control_the_oracle_sees_that_forms_need_no_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "knows", lambda *_: True)

    assert len(page_violations(world, 300)) > 2

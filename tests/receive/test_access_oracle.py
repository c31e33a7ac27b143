"""Random calls with keys of every kind against an oracle: the short run of tests/faults/test_access.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from access_oracle import TAUGHT, World, foreign_words, violations, violations_over_http

from appliance.cli import run_command
from appliance.receive.application import OPEN, ROUTES
from appliance.store.registry import KEY, NOBODY, Grant

REASONS = {"200 ", "401 key", "403 tenant", "403 scope", "403 binding", "400 machine id", "404 machine"}


@pytest.fixture
def world(data: Path) -> Iterator[World]:
    made = World(data, tenants=4, seed=1)
    yield made
    made.close()


def test_the_oracle_knows_every_route() -> None:
    assert set(TAUGHT) == {(route.method, route.path) for route in ROUTES if route.scope != OPEN}


def test_every_call_is_answered_as_the_key_allows_and_nobody_learns_what_is_not_theirs(world: World) -> None:
    found = violations(world, 1500, change_every=100)

    assert found == []
    assert set(world.met) >= REASONS, world.met


def test_it_is_so_through_a_server_that_runs(world: World) -> None:
    assert violations_over_http(world, 150, threads=4) == []


def test_a_site_has_nothing_of_another_tenant(world: World, tmp_path: Path) -> None:
    tenant = world.tenants[0]

    code = run_command(
        ["report", "--data", str(world.folder), "--tenant", tenant, "--output", str(tmp_path / "site")], "perfanalysis"
    )

    assert code == 0
    assert foreign_words(world, tenant, tmp_path / "site") == set()


def of_another_tenant(world: World) -> Callable[[str], Grant]:
    """The check of the tenant is gone: a good key opens another tenant's store."""
    real = world.stores.registry.authenticate

    def authenticate(key: str) -> Grant:
        grant = real(key)
        return replace(grant, tenant=world.tenants[world.tenants.index(grant.tenant) - 1])

    return authenticate


def of_every_machine(world: World) -> Callable[[str], Grant]:
    """The binding is gone."""
    real = world.stores.registry.authenticate
    return lambda key: replace(real(key), machines=None)


def of_every_scope(world: World) -> Callable[[str], Grant]:
    """The scopes are gone."""
    real = world.stores.registry.authenticate
    return lambda key: replace(real(key), scopes=frozenset({"read", "write"}))


def of_ended_keys(world: World) -> Callable[[str], Grant]:
    """Nobody looks whether a key has ended."""
    real = world.stores.registry.authenticate

    def authenticate(key: str) -> Grant:
        match = KEY.fullmatch(key)
        stored = world.stores.registry.stored().get(match[1] if match else "", NOBODY)
        return stored.grant if stored is not NOBODY else real(key)

    return authenticate


@pytest.mark.parametrize("check_removed", [of_another_tenant, of_every_machine, of_every_scope, of_ended_keys])
def test_control_the_oracle_sees_each_check_that_is_removed(
    world: World, check_removed: Callable[[World], Callable[[str], Grant]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.stores.registry, "authenticate", check_removed(world))

    assert len(violations(world, 400)) > 5

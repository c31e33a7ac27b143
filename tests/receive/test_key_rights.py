"""Keys that are bound to machines, that end, or end while something is sent with them."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from access_oracle import TAUGHT, World, wsgi
from receiver_peer import Peer, Reply, assert_refused, batch, csv_text, measurement

from appliance.receive.application import OPEN, ROUTES, Route
from appliance.store.registry import Registry, now_ms
from appliance.store.tenant import TenantStore

MACHINES, DATA, EXPORT = "/api/v1/machines", "/api/v1/performance/data", "/api/v1/performance/export"
KEYED = [route for route in ROUTES if route.scope != OPEN]
ABOUT_ONE = [route for route in KEYED if TAUGHT[route.method, route.path] != "nowhere"]


def id_of(key: str) -> str:
    return key.split("_")[1]


@pytest.fixture
def stored(peer: Peer) -> Peer:
    for machine in ("web-1", "web-2"):
        assert peer.upload(csv_text(machine), machine_id=machine).status == 200
    return peer


@pytest.fixture
def bound(stored: Peer) -> str:
    return stored.registry.create_key("team-a", machines=["web-1"])


@pytest.mark.parametrize("route", ABOUT_ONE, ids=lambda route: f"{route.method} {route.path}")
def test_a_bound_key_gets_one_answer_for_a_machine_that_is_there_and_one_that_is_not(
    tmp_path_factory: pytest.TempPathFactory, route: Route
) -> None:
    with contextlib.closing(World(tmp_path_factory.mktemp("world") / "data", tenants=2, seed=1)) as world:
        holder = world.make(world.tenants[0], ("write", "read"), [sorted(world.machines[world.tenants[0]])[0]])
        mine, other = sorted(world.machines[holder.tenant])[:2]
        theirs = min(world.machines[world.tenants[1]])

        answers = {wsgi(world.app, world.call(route, holder, machine)) for machine in (other, theirs, "nobody")}
        own = wsgi(world.app, world.call(route, holder, mine))

    assert own.status == 200
    (answer,) = answers
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


def test_a_bound_key_lists_its_machines_alone(stored: Peer, bound: str) -> None:
    reply = stored.ask("GET", MACHINES, key=bound)

    assert [machine["id"] for machine in reply.json["machines"]] == ["web-1"]
    assert b"web-2" not in reply.body


def test_a_bound_key_makes_links_to_its_machines_alone_and_they_end_with_it(stored: Peer, bound: str) -> None:
    link = urlsplit(stored.ask("GET", f"{DATA}?machine_id=web-1", key=bound).json["data_url"])
    address = f"{link.path}?{link.query}"
    opened = stored.ask("GET", address, key=None)

    stored.registry.revoke_key(bound)

    assert (opened.status, b"web-1" in opened.body) == (200, True)
    assert_refused(stored.ask("GET", f"{DATA}?machine_id=web-2", key=bound), 401, "INVALID_API_KEY")
    assert_refused(stored.ask("GET", address, key=None), 401, "INVALID_API_KEY")


def test_a_file_cannot_smuggle_in_another_machine(stored: Peer, bound: str) -> None:
    """What a file calls itself does not count: it is of the machine that the form names."""
    stored.upload(csv_text("web-2", rows=9), key=bound, machine_id="web-1")

    assert stored.ask("GET", f"{MACHINES}/web-2").json["samples"] == 3
    assert_refused(stored.upload(csv_text("web-2", rows=9), key=bound, machine_id="web-2"), 403, "FORBIDDEN")


@pytest.mark.parametrize("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
def test_a_key_outside_its_time_is_as_bad_as_any(peer: Peer, route: Route) -> None:
    waiting = peer.registry.create_key("team-a", starts_ms=now_ms() + 60_000)
    expired = peer.registry.create_key("team-a")
    with peer.registry.changing():
        peer.registry.database.execute_sql("UPDATE key SET expires_ms = 1 WHERE id = ?", (id_of(expired),))
    rotated = peer.registry.create_key("team-a")
    peer.registry.rotate_key(id_of(rotated), overlap_ms=0)
    path = route.path.replace("<machine_id>", "web-1")
    body = b"x" if route.method == "POST" else None

    answers = {peer.ask(route.method, path, body, key=key).body for key in (waiting, expired, rotated)}
    missing = peer.ask(route.method, path, body, key=None)

    assert_refused(missing, 401, "INVALID_API_KEY")
    assert answers == {missing.body}


def test_both_keys_open_while_they_overlap(peer: Peer) -> None:
    new = peer.registry.rotate_key(id_of(peer.key), overlap_ms=60_000)

    assert [peer.ask("GET", MACHINES, key=key).status for key in (peer.key, new)] == [200, 200]


def test_two_authorization_headers_are_no_key(peer: Peer) -> None:
    head = f"GET {MACHINES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    good = f"Authorization: Bearer {peer.key}\r\n"

    once, twice = peer.raw(f"{head}{good}\r\n".encode()), peer.raw(f"{head}{good}{good}\r\n".encode())
    apikeys = peer.raw(f"{head}apikey: {peer.key}\r\napikey: {peer.key}\r\n\r\n".encode())

    assert once.startswith(b"HTTP/1.1 200 ")
    assert twice.startswith(b"HTTP/1.1 401 ")
    assert apikeys.startswith(b"HTTP/1.1 401 ")


def test_a_key_as_a_field_of_a_form_is_no_key(peer: Peer) -> None:
    assert_refused(peer.upload(csv_text(), key=None, machine_id="web-1", apikey=peer.key), 401, "INVALID_API_KEY")


@pytest.fixture
def sending() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def until_waiting(peer: Peer, count: int) -> None:
    """Wait until so many batches wait for the store, whose lock the caller holds."""
    deadline = time.monotonic() + 20
    while len(peer.application.stores.tenant("team-a").waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_key_is_asked_for_again_inside_the_commit(peer: Peer, sending: ThreadPoolExecutor) -> None:
    """It is revoked when everything was read, parsed and found good, and the batch waits for the store."""
    store = peer.application.stores.tenant("team-a")
    with TenantStore(peer.registry.folder, "team-a") as elsewhere, elsewhere.database.atomic("IMMEDIATE"):
        coming = sending.submit(peer.upload, csv_text(), machine_id="web-1")
        for _ in range(20):
            time.sleep(0.02)
            while not store.lock.locked():
                time.sleep(0.02)
        peer.registry.revoke_key(peer.key)

    assert_refused(coming.result(), 401, "INVALID_API_KEY")
    assert peer.stored_nothing()


def test_of_batches_that_are_committed_together_only_that_of_the_revoked_key_is_refused(
    peer: Peer, sending: ThreadPoolExecutor
) -> None:
    other = peer.registry.create_key("team-a")
    with peer.application.stores.tenant("team-a").lock:
        coming = [
            sending.submit(peer.trickle, batch(measurement(1_704_067_200 + at), identifier=machine), key=key)
            for at, (machine, key) in enumerate([("web-1", peer.key), ("web-2", other), ("web-3", other)])
        ]
        until_waiting(peer, 3)
        peer.registry.revoke_key(peer.key)

    assert [reply.result().status for reply in coming] == [401, 200, 200]
    machines = peer.ask("GET", MACHINES, key=other).json["machines"]
    assert [machine["id"] for machine in machines] == ["web-2", "web-3"]


def test_what_was_stored_before_is_not_told_to_a_key_that_ended_since(peer: Peer, sending: ThreadPoolExecutor) -> None:
    other = peer.registry.create_key("team-a")
    peer.trickle(batch(), key=other)
    with peer.application.stores.tenant("team-a").lock:
        coming = sending.submit(peer.trickle, batch())
        until_waiting(peer, 1)
        peer.registry.revoke_key(peer.key)

    assert_refused(coming.result(), 401, "INVALID_API_KEY")


def test_when_a_key_was_used_is_stored_by_the_time_the_receiver_has_ended(peer: Peer) -> None:
    before = now_ms()
    peer.ask("GET", MACHINES)

    peer.application.stores.last_used.stop()

    used = {key["id"]: key["used_ms"] for key in peer.registry.keys("team-a")}
    assert before - 60_000 < used[id_of(peer.key)] <= now_ms()


def test_a_post_makes_no_write_to_the_registry(peer: Peer) -> None:
    """When the key was used waits for its minute."""
    peer.trickle(batch())
    wal = peer.registry.folder / "registry.sqlite-wal"
    before = wal.stat()

    for at in range(20):
        peer.trickle(batch(measurement(1_704_067_300 + at)))

    assert (wal.stat().st_size, wal.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_post_goes_through_while_another_process_changes_the_registry(peer: Peer) -> None:
    replies: list[Reply] = []
    with Registry(peer.registry.folder).changing():
        thread = threading.Thread(target=lambda: replies.append(peer.trickle(batch())))
        thread.start()
        thread.join(10)

    assert [reply.status for reply in replies] == [200]

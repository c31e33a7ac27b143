"""Who may do what: keys, scopes and tenants, on every route that there is."""

import pytest
from receiver_peer import TRICKLE, Peer, assert_refused, batch, csv_text, form

from appliance.receive.application import OPEN, READ, ROUTES, WRITE, Route

KEYED = [route for route in ROUTES if route.scope != OPEN]
MACHINES = "/api/v1/machines"


def ask(peer: Peer, route: Route, key: str | None) -> tuple[int, bytes]:
    body = b"x" if route.method == "POST" else None
    reply = peer.ask(route.method, route.path.replace("<machine_id>", "web-1"), body, key=key)
    return reply.status, reply.body


def test_each_route_is_open_or_asks_for_a_scope() -> None:
    assert {route.scope for route in ROUTES} == {OPEN, READ, WRITE}
    assert {route.path for route in ROUTES if route.scope == OPEN} == {"/health", "/v1/ping", "/v1/version"}


@pytest.mark.parametrize("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
def test_every_bad_key_gets_the_very_same_answer(peer: Peer, route: Route) -> None:
    head, key_id, secret, check = peer.key.split("_")
    revoked = peer.registry.create_key("team-a")
    peer.registry.revoke_key(revoked.split("_")[1])
    bad = [
        "x",
        peer.key[:-1],
        peer.key + "0",
        peer.key.upper(),
        "_".join([head, key_id, secret[::-1], check]),
        "_".join([head, key_id[::-1], secret, check]),
        revoked,
        f"{peer.key} {peer.key}",
        f"{peer.key}, {peer.other_key}",
        "x" * 8000,
        "caf\xe9",
    ]

    missing = peer.ask(route.method, route.path.replace("<machine_id>", "web-1"), b"x", key=None)
    answers = {ask(peer, route, key) for key in bad}

    assert_refused(missing, 401, "INVALID_API_KEY")
    assert missing.headers["www-authenticate"] == "Bearer"
    assert answers == {(401, missing.body)}
    assert peer.stored_nothing()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic {}"},
        {"Authorization": "bearer {}"},
        {"Authorization": "Bearer  {}"},
        {"Authorization": "{}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer {}", "apikey": "pa1_other"},
        {"Authorization": "Basic x", "apikey": "{}"},
        {"X-Api-Key": "{}"},
        {"Cookie": "key={}"},
    ],
)
def test_a_key_is_taken_from_one_place_alone(peer: Peer, headers: dict[str, str]) -> None:
    reply = peer.ask("GET", MACHINES, headers={name: text.format(peer.key) for name, text in headers.items()}, key=None)

    assert_refused(reply, 401, "INVALID_API_KEY")


@pytest.mark.parametrize("query", ["key={}", "apikey={}", "API_KEY={}", "access_token={}", "x={}", "x=%70a1_0", "{}"])
def test_a_key_in_the_address_is_refused_even_beside_a_good_one(peer: Peer, query: str) -> None:
    assert_refused(peer.ask("GET", f"{MACHINES}?{query.format(peer.key)}"), 401, "INVALID_API_KEY")


@pytest.mark.parametrize("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("scope", ["write", "read", "admin"])
def test_a_key_does_what_its_scope_says_and_nothing_else(peer: Peer, route: Route, scope: str) -> None:
    key = peer.registry.create_key("team-a", [scope])

    status, body = ask(peer, route, key)

    assert (status == 403) == (scope != route.scope)
    assert (b'"FORBIDDEN"' in body) == (scope != route.scope)
    assert peer.stored_nothing()


def test_what_a_tenant_sends_is_in_its_own_file_alone(peer: Peer) -> None:
    assert peer.upload(csv_text("web-1"), machine_id="web-1").status == 200
    assert peer.trickle(batch(identifier="web-2"), key=peer.other_key).status == 200

    names = [
        [machine["id"] for machine in peer.ask("GET", MACHINES, key=key).json["machines"]]
        for key in (peer.key, peer.other_key)
    ]

    assert names == [["web-1"], ["web-2"]]


@pytest.mark.parametrize("route", KEYED, ids=lambda route: f"{route.method} {route.path}")
def test_another_tenants_id_in_the_address_is_refused(peer: Peer, route: Route) -> None:
    path = route.path.replace("<machine_id>", "web-1")
    theirs, never = (
        peer.ask(route.method, f"{path}?tenant_id={tenant}", b"x" if route.method == "POST" else None)
        for tenant in ("team-b", "nobody")
    )

    assert_refused(theirs, 403, "UNAUTHORIZED")
    assert theirs.json["message"] == "Tenant mismatch"
    assert theirs.body == never.body


@pytest.mark.parametrize("path", [TRICKLE, "/api/v1/performance/upload"])
def test_who_has_no_key_is_answered_before_the_body_is_read(peer: Peer, path: str) -> None:
    answer = peer.raw(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_who_has_no_key_is_not_asked_to_go_on(peer: Peer) -> None:
    body = form(csv_text(), machine_id="web-1")
    head = f"POST {TRICKLE} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"

    answer = peer.raw(head.encode())

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in answer

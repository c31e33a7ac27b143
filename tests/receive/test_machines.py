"""The machines of a tenant, and of no other."""

import pytest
from receiver_peer import Peer, assert_refused, csv_text

from appliance.store import history


@pytest.fixture
def stored(peer: Peer) -> Peer:
    peer.upload(csv_text("web-2", rows=3), machine_id="web-2")
    peer.upload(csv_text("web-1", rows=2), machine_id="web-1")
    peer.upload(csv_text("secret"), key=peer.other_key, machine_id="secret")
    return peer


def test_machines_are_listed_with_what_is_stored_of_them(stored: Peer) -> None:
    history.rename(stored.application.stores.tenant("team-a"), "web-1", "Shop, front")

    reply = stored.ask("GET", "/api/v1/machines")

    [first, second] = reply.json["machines"]
    assert (first["id"], first["name"], first["samples"]) == ("web-1", "Shop, front", 2)
    assert (second["id"], second["name"], second["samples"]) == ("web-2", "web-2", 3)
    assert second["range"] == {"start": "2024-01-01T00:00:00Z", "end": "2024-01-01T00:02:00Z"}
    assert second["created_at"] <= second["last_seen"]


def test_one_machine_is_told_alone(stored: Peer) -> None:
    listed = stored.ask("GET", "/api/v1/machines").json["machines"]

    assert stored.ask("GET", "/api/v1/machines/web-2").json == listed[1]


def test_another_tenants_machine_is_as_absent_as_one_that_never_was(stored: Peer) -> None:
    theirs = stored.ask("GET", "/api/v1/machines/secret")
    never = stored.ask("GET", "/api/v1/machines/nobody")

    assert_refused(theirs, 404, "NOT_FOUND")
    assert theirs.body.replace(b"secret", b"nobody") == never.body
    assert b"secret" not in stored.ask("GET", "/api/v1/machines").body


@pytest.mark.parametrize("machine", ["-x", "a" * 65, "%20", ".."])
def test_a_bad_id_is_refused(stored: Peer, machine: str) -> None:
    assert_refused(stored.ask("GET", f"/api/v1/machines/{machine}"), 400, "INVALID_MACHINE_ID")


def test_an_id_is_no_path(stored: Peer) -> None:
    assert_refused(stored.ask("GET", "/api/v1/machines/..%2f..%2fetc"), 404, "NOT_FOUND")

"""What anyone may ask of the receiver."""

import shutil
import time

import pytest
from receiver_peer import Peer, assert_refused, batch, csv_text, measurement

from appliance import __version__


def test_health_says_no_more_than_is_agreed(peer: Peer) -> None:
    peer.upload(csv_text(rows=3), machine_id="web-1")
    peer.trickle(batch(measurement(), measurement(1_704_067_300)))
    peer.trickle(batch(measurement(), measurement(1_704_067_300)))

    reply = peer.ask("GET", "/health", key=None)

    assert reply.status == 200
    assert list(reply.json) == [
        "status", "database", "uptime", "version", "active_connections", "measurements_received",
    ]  # fmt: skip
    assert (reply.json["status"], reply.json["database"]) == ("healthy", "healthy")
    assert reply.json["version"] == __version__
    assert reply.json["active_connections"] >= 1
    assert reply.json["measurements_received"] == 5


def test_a_registry_that_cannot_be_read_is_told_without_its_path(peer: Peer) -> None:
    peer.registry.database.close()
    shutil.rmtree(peer.registry.folder)

    reply = peer.ask("GET", "/health", key=None)

    assert (reply.status, reply.json["status"]) == (200, "degraded")
    assert reply.json["database"] == "unhealthy: the registry cannot be read"


def test_a_ping_brings_its_time_back(peer: Peer) -> None:
    reply = peer.ask("POST", "/v1/ping", b'{"timestamp":1704067200}', key=None)

    assert reply.status == 200
    assert reply.json["origintimestamp"] == 1_704_067_200
    assert abs(reply.json["timestamp"] - time.time()) < 60


def test_a_ping_may_be_asked_for(peer: Peer) -> None:
    reply = peer.ask("GET", "/v1/ping", key=None)

    assert abs(reply.json["timestamp"] - time.time()) < 60


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"timestamp":"1"}', b'{"timestamp":true}', b'{"timestamp":1.5}'])
def test_a_ping_without_a_time_is_refused(peer: Peer, body: bytes) -> None:
    assert_refused(peer.ask("POST", "/v1/ping", body, key=None), 400, "INVALID_JSON")


def test_a_ping_is_short(peer: Peer) -> None:
    assert_refused(peer.ask("POST", "/v1/ping", b" " * 5000, key=None), 413, "PAYLOAD_TOO_LARGE")


def test_the_version_is_told(peer: Peer) -> None:
    assert peer.ask("GET", "/v1/version", key=None).json == {"version": __version__}

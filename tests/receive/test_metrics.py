"""What Prometheus gets: read by its own parser, never by anyone on the network, never with what somebody sent."""

import shutil
from pathlib import Path

import pytest
from page_visitor import Person
from prometheus_client.parser import text_string_to_metric_families
from receiver_peer import Peer, StartReceiver, assert_refused, batch, csv_text, measurement

from appliance.prometheus import Durations, histogram, sample

TOKEN = "t" * 32
COUNTED_UPLOADS = [
    "upload_requests_total", "upload_failures_total", "upload_rows_imported_total", "upload_duration_seconds_count",
    "active_machines",
]  # fmt: skip


def metrics(peer: Peer, key: str | None = None) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return all samples, by name and labels."""
    reply = peer.ask("GET", "/metrics", key=key)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(reply.body.decode()):
        assert family.documentation, family.name
        for each in family.samples:
            assert (
                found.setdefault(each.name, {}).setdefault(tuple(sorted(each.labels.items())), each.value) == each.value
            )
    return found


def test_what_the_receiver_did_is_counted(peer: Peer) -> None:
    peer.upload(csv_text(rows=3), machine_id="web-1")
    peer.upload(csv_text(rows=3), machine_id="web-1")
    peer.upload("nonsense", machine_id="web-1")
    peer.trickle(batch(measurement(), identifier="web-2"))
    peer.ask("GET", "/nope")

    found = metrics(peer)

    def requests(method: str, route: str, status: str) -> float:
        return found["pcd_requests_total"][("method", method), ("route", route), ("status", status)]

    assert requests("POST", "/api/v1/performance/upload", "200") == 2
    assert requests("POST", "/api/v1/performance/upload", "400") == 1
    assert requests("POST", "/v1/trickle", "200") == 1
    assert requests("-", "-", "404") == 1
    assert {name: found[name][()] for name in ("upload_requests_total", "upload_failures_total")} == {
        "upload_requests_total": 3,
        "upload_failures_total": 1,
    }
    assert found["upload_rows_imported_total"][()] == 3
    assert found["active_machines"][()] == 2
    assert found["upload_duration_seconds_count"][()] == 3
    assert found["upload_duration_seconds_bucket"][("le", "+Inf"),] == 3
    assert found["pcd_trickle_duration_seconds_count"][()] == 1
    assert found["pcd_active_connections"][()] >= 1
    assert (found["pcd_waiting_requests"][()], found["pcd_staged_bytes"][()]) == (0, 0)
    assert found["pcd_healthy"][()] == 1


def test_uploads_by_the_page_are_counted_as_those_of_programs(peer: Peer) -> None:
    person = Person(peer)
    person.sign_in(peer.key)
    person.upload(csv_text(rows=3), machine_id="web-1")
    person.upload("nonsense", machine_id="web-1")
    person.get("/upload")

    found = metrics(peer)

    assert {name: found[name][()] for name in COUNTED_UPLOADS} == {
        "upload_requests_total": 2,
        "upload_failures_total": 1,
        "upload_rows_imported_total": 3,
        "upload_duration_seconds_count": 2,
        "active_machines": 1,
    }


def test_what_has_to_be_watched_of_store_and_process_is_there(peer: Peer) -> None:
    peer.trickle(batch())

    found = metrics(peer)

    assert found["perfanalysis_store_tenants"][()] == 1
    assert found["perfanalysis_store_bytes"][()] + found["perfanalysis_store_wal_bytes"][()] > 4096
    assert found["perfanalysis_store_free_bytes"][()] > 0
    assert found["process_resident_memory_bytes"][()] > 1 << 20
    assert found["process_open_fds"][()] > 5


def test_a_store_that_cannot_be_read_is_told(peer: Peer) -> None:
    peer.registry.database.close()
    shutil.rmtree(peer.registry.folder)

    found = metrics(peer)

    assert found["pcd_healthy"][()] == 0
    assert found["perfanalysis_store_tenants"][()] == 0


def test_nothing_that_is_sent_becomes_a_label(peer: Peer) -> None:
    peer.ask("GET", "/metrics")
    before = len(metrics(peer)["pcd_requests_total"])

    for number in range(50):
        peer.ask(f"BREW{number}", f'/x"{{number="{number}"', key=None)
        peer.ask("GET", f"/api/v1/machines/web%22%0a{number}")
        peer.trickle(batch(identifier=f'web"}} 1\nevil{number}'))
        peer.raw(b"BAD %d\r\n\r\n" % number)
    found = metrics(peer)

    assert len(found["pcd_requests_total"]) <= before + 6
    assert not any("evil" in value or "BREW" in value for labels in found["pcd_requests_total"] for _, value in labels)


def test_who_is_not_on_this_machine_gets_nothing(start_receiver: StartReceiver) -> None:
    peer = start_receiver(proxies=["127.0.0.2"])

    behind_a_proxy = peer.ask("GET", "/metrics", headers={"X-Forwarded-For": "198.51.100.7"}, key=None)
    with_a_key = peer.ask("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"})

    assert_refused(behind_a_proxy, 403, "FORBIDDEN")
    assert_refused(with_a_key, 403, "FORBIDDEN")


def test_with_a_token_it_is_the_token_that_counts(start_receiver: StartReceiver) -> None:
    peer = start_receiver(metrics_token=TOKEN)

    assert_refused(peer.ask("GET", "/metrics", key=None), 403, "FORBIDDEN")
    assert_refused(peer.ask("GET", "/metrics", key=TOKEN[1:]), 403, "FORBIDDEN")
    assert_refused(peer.ask("GET", "/metrics", key="caf\xe9"), 403, "FORBIDDEN")
    assert_refused(peer.ask("GET", "/metrics"), 403, "FORBIDDEN")
    assert_refused(peer.ask("GET", f"/metrics?key={TOKEN}", key=None), 403, "FORBIDDEN")
    assert metrics(peer, TOKEN)["pcd_healthy"][()] == 1


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\\b", 'a\\"} 1\nb{c="', "é\U0001f600", ""])
def test_a_label_comes_back_as_it_was(text: str) -> None:
    written = sample("some_total", 1, {"name": text}) + "\n"

    [family] = text_string_to_metric_families(written)

    assert [(each.labels, each.value) for each in family.samples] == [({"name": text}, 1)]


def test_a_histogram_adds_up() -> None:
    durations = Durations()
    for seconds in (0.001, 0.02, 0.02, 100):
        durations.add(seconds)

    [family] = text_string_to_metric_families("\n".join([*histogram("some_seconds", "Some.", durations), ""]))

    buckets = {each.labels["le"]: each.value for each in family.samples if each.name == "some_seconds_bucket"}
    assert family.type == "histogram"
    assert (buckets["0.005"], buckets["0.025"], buckets["30"], buckets["+Inf"]) == (1, 3, 3, 4)
    assert list(buckets.values()) == sorted(buckets.values())


def test_old_machines_are_not_active(peer: Peer, tmp_path: Path) -> None:
    status = peer.application.status
    status.heard_of("team-a", "web-1")
    status.machines = type(status.machines)((name, at - 3600) for name, at in status.machines.items())

    assert status.active_machines() == 0
    status.heard_of("team-a", "web-2")
    assert len(status.machines) == 1

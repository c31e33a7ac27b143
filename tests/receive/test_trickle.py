"""Trickle: the batches of collectors, ours and the original ones."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from receiver_peer import TRICKLE, Peer, StartReceiver, assert_refused, batch, measurement

from appliance.metrics import Group
from appliance.receive.limits import Limits
from appliance.store import history, identity
from appliance.store.batches import digest_of

AT = 1_704_067_200


def test_the_run_may_be_a_header_and_the_same_bytes_of_another_run_are_other_samples(peer: Peer) -> None:
    first, again, other = (peer.trickle(batch(), {"Perfanalysis-Run": run}).json for run in ("7", "7", "8"))

    assert [reply["inserted"] for reply in (first, other)] == [1, 1]
    assert (again["duplicate"], other["duplicate"]) == (True, False)
    parts = history.read(peer.application.stores.tenant("team-a"), "web-1")
    assert {part.run for part in parts} == {7, 8}


@pytest.mark.parametrize("run", ["-1", "x", "9" * 20, "\xd9\xa1", ""])
def test_a_header_that_is_no_run_is_refused(peer: Peer, run: str) -> None:
    reply = peer.trickle(batch(), {"Perfanalysis-Run": run})

    assert_refused(reply, 400, "INVALID_JSON")


def test_a_batch_is_stored_and_confirmed_by_its_digest(peer: Peer, data: Path) -> None:
    body = json.dumps(batch(measurement(AT), measurement(AT + 1))).encode()

    reply = peer.trickle(body)

    assert reply.status == 200
    assert reply.json == {
        "error": None,
        "status": "success",
        "batch": digest_of("trickle", "web-1", body).hex(),
        "rows": 2,
        "inserted": 2,
        "duplicates": 0,
        "conflicts": 0,
        "duplicate": False,
        "warnings": [],
        "store": str(identity.read(data)),
    }
    assert peer.stored()["batch"] == 1


def test_original_clients_send_their_key_in_a_header_of_its_own(peer: Peer) -> None:
    assert peer.trickle(batch(), {"apikey": peer.key}, key=None).status == 200


def test_a_zipped_batch_is_the_same_batch(peer: Peer) -> None:
    body = json.dumps(batch()).encode()
    first = peer.trickle(body)

    reply = peer.trickle(gzip.compress(body), {"Content-Encoding": "gzip"})

    assert reply.json == {**first.json, "duplicate": True}


def test_a_batch_sent_twice_is_stored_once(peer: Peer) -> None:
    first = peer.trickle(batch())
    stored = peer.stored()

    again = peer.trickle(batch())

    assert again.json == {**first.json, "duplicate": True}
    assert peer.stored() == stored


def test_a_batch_sent_by_many_at_the_same_time_is_stored_once(peer: Peer) -> None:
    with ThreadPoolExecutor(8) as senders:
        replies = list(senders.map(lambda _: peer.trickle(batch()), range(16)))

    assert {reply.status for reply in replies} == {200}
    assert [reply.json["duplicate"] for reply in replies].count(False) == 1
    assert peer.stored()["batch"] == 1


def test_samples_that_are_there_already_are_counted(peer: Peer) -> None:
    peer.trickle(batch(measurement(AT), measurement(AT + 1)))

    reply = peer.trickle(batch(measurement(AT + 1), measurement(AT + 2)))

    assert (reply.json["inserted"], reply.json["duplicates"], reply.json["conflicts"]) == (1, 1, 0)


def test_the_first_values_of_a_sample_stay_and_others_are_counted(peer: Peer) -> None:
    peer.trickle(batch(measurement(AT, idle=1000)))

    reply = peer.trickle(batch(measurement(AT, idle=2000), measurement(AT + 1, idle=2100)))

    assert reply.status == 200
    assert (reply.json["inserted"], reply.json["conflicts"]) == (1, 1)
    [first, second] = history.read(peer.application.stores.tenant("team-a"), "web-1", groups=[Group.CPU])
    assert [part.at_ms.tolist() for part in (first, second)] == [[AT * 1000], [AT * 1000 + 1000]]
    assert 1000 in [int(values.numbers[0]) for values in first.columns.values()]


def test_runs_are_kept_apart(peer: Peer) -> None:
    peer.trickle(batch(measurement(AT, idle=1000), run=1))

    reply = peer.trickle(batch(measurement(AT, idle=2000), run=2))

    assert (reply.json["inserted"], reply.json["conflicts"]) == (1, 0)


def test_the_meta_record_of_a_run_may_come_in_any_batch(peer: Peer) -> None:
    meta = {
        "timestamp": AT,
        "subsystem": "perfanalysis[meta]",
        "measurement": json.dumps({"version": "0.1.0", "machine_id": "web-1", "run": 7, "interval": 1}),
    }

    reply = peer.trickle(batch(measurement(AT), meta, measurement(AT + 1), run=7))

    assert reply.json["rows"] == 2
    assert history.facts(peer.application.stores.tenant("team-a"), "web-1")["meta"]["run"] == 7


def test_sources_that_are_not_known_are_told(peer: Peer) -> None:
    reply = peer.trickle(batch(measurement(), measurement(subsystem="/proc/new\x1b[2J")))

    assert reply.json["rows"] == 1
    assert "1 measurement" in reply.json["warnings"][0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_JSON"),
        (b"hello", "INVALID_JSON"),
        (b"[]", "INVALID_JSON"),
        (b"null", "INVALID_JSON"),
        (b'{"identifier":"web-1"', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[]} x', "INVALID_JSON"),
        (b'\xef\xbb\xbf{"identifier":"web-1","measurements":[]}', "INVALID_JSON"),
        (b'{"identifier":"web-1","identifier":"web-2","measurements":[]}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[],"x":NaN}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[],"x":-Infinity}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[],"x":1e999}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[],"x":' + b"9" * 5000 + b"}", "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[],"x":' + b"[" * 9 + b"]" * 9 + b"}", "INVALID_JSON"),
        (b"[" * 100_000, "INVALID_JSON"),
        (b'{"a":' * 100_000, "INVALID_JSON"),
        (b'{"identifier":"\xff","measurements":[]}', "INVALID_ENCODING"),
        ('{"identifier":"web-1"}'.encode("utf-16"), "INVALID_ENCODING"),
        (b'{"measurements":[]}', "MISSING_PARAMETERS"),
        (b'{"identifier":"web-1"}', "MISSING_PARAMETERS"),
        (b'{"identifier":5,"measurements":[]}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":{}}', "INVALID_JSON"),
        (b'{"identifier":"web-1","measurements":[]}', "NO_DATA"),
        (json.dumps(batch(identifier="../x")).encode(), "INVALID_MACHINE_ID"),
        (json.dumps(batch(identifier="a" * 65)).encode(), "INVALID_MACHINE_ID"),
        (json.dumps(batch(run=-1)).encode(), "INVALID_JSON"),
        (json.dumps(batch(run=True)).encode(), "INVALID_JSON"),
        (json.dumps(batch(run=2**63)).encode(), "INVALID_JSON"),
        (json.dumps(batch(run="1")).encode(), "INVALID_JSON"),
        (json.dumps(batch({**measurement(), "measurement": "cpu  ten\n"})).encode(), "BAD_REQUEST"),
        (json.dumps(batch({**measurement(), "measurement": "cpu  " + "9" * 30 + "\n"})).encode(), "BAD_REQUEST"),
    ],
)
def test_a_bad_body_is_refused_whole(peer: Peer, body: bytes, code: str) -> None:
    assert_refused(peer.trickle(body), 400, code)
    assert peer.stored_nothing()


@pytest.mark.parametrize(
    "bad",
    [
        "text",
        None,
        {**measurement(), "timestamp": "1704067200"},
        {**measurement(), "timestamp": True},
        {**measurement(), "timestamp": 1_704_067_200_000},
        {**measurement(), "subsystem": ""},
        {**measurement(), "measurement": None},
        {"timestamp": AT},
    ],
)
def test_a_wrong_measurement_is_named_by_its_place(peer: Peer, bad: object) -> None:
    assert assert_refused(peer.trickle(batch(measurement(), bad)), 400, "INVALID_JSON") == {"index": 1}
    assert peer.stored_nothing()


@pytest.mark.parametrize("tenant", ["team-b", "nobody", 5, ["team-a"]])
def test_another_tenants_id_is_refused(peer: Peer, tenant: object) -> None:
    assert_refused(peer.trickle(batch(tenant_id=tenant)), 403, "UNAUTHORIZED")
    assert peer.stored_nothing()


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}")[:-4], gzip.compress(b"{}")[:-8] + b"12345678"])
def test_damaged_gzip_is_refused(peer: Peer, content: bytes) -> None:
    assert_refused(peer.trickle(content, {"Content-Encoding": "gzip"}), 400, "BAD_REQUEST")
    assert peer.stored_nothing()


def test_another_encoding_is_refused(peer: Peer) -> None:
    assert_refused(peer.trickle(batch(), {"Content-Encoding": "br"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert peer.stored_nothing()


@pytest.mark.parametrize(
    ("limits", "payload", "headers"),
    [
        (Limits(trickle_bytes=1000), json.dumps(batch(x="x" * 1000)).encode(), {}),
        (
            Limits(trickle_bytes=1000),
            gzip.compress(json.dumps(batch(x="x" * 1000)).encode()),
            {"Content-Encoding": "gzip"},
        ),
        (Limits(), gzip.compress(json.dumps(batch(x="x" * 2_000_000)).encode()), {"Content-Encoding": "gzip"}),
        (Limits(measurements=2), json.dumps(batch(*[measurement(AT + at) for at in range(3)])).encode(), {}),
    ],
    ids=["body", "unzipped", "bomb", "measurements"],
)
def test_what_is_over_a_limit_is_refused(
    start_receiver: StartReceiver, limits: Limits, payload: bytes, headers: dict[str, str]
) -> None:
    peer = start_receiver(limits)

    assert_refused(peer.trickle(payload, headers), 413, "PAYLOAD_TOO_LARGE")
    assert peer.stored_nothing()


def test_the_batches_of_a_real_collector_fit_the_limits() -> None:
    """Sixty samples of 11 kB, the largest that was recorded, as one batch."""
    sample = [measurement(subsystem=f"/proc/{name}") for name in range(6)]
    sample[0]["measurement"] = "x" * 11_000

    size = len(json.dumps(batch(*sample * 60)))

    assert size < Limits().trickle_bytes / 10
    assert len(sample) * 60 < Limits().measurements / 10


def test_the_path_of_a_trickle_takes_no_other_method(peer: Peer) -> None:
    reply = peer.ask("PUT", TRICKLE, b"{}")

    assert_refused(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["allow"] == "POST"

"""How often: token buckets, what they say, and that they forget."""

import tracemalloc

import pytest
from receiver_peer import TRICKLE, StartReceiver, assert_refused, batch, csv_text

from appliance.receive.client import who
from appliance.receive.limits import Limits
from appliance.receive.rates import Buckets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_what_is_in_it_and_is_filled_over_a_minute() -> None:
    clock = Clock()
    buckets = Buckets(6, remembered=10, clock=clock)

    taken = [buckets.wait_seconds("a") for _ in range(7)]
    clock.now += 10
    again = [buckets.wait_seconds("a"), buckets.wait_seconds("a")]
    clock.now += 3600
    full = [buckets.wait_seconds("a") for _ in range(7)]

    assert taken == [0, 0, 0, 0, 0, 0, 10]
    assert again == [0, pytest.approx(10)]
    assert full == [0, 0, 0, 0, 0, 0, 10]


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(1, remembered=10)

    assert (buckets.wait_seconds("a"), buckets.wait_seconds("b")) == (0, 0)
    assert buckets.wait_seconds("a") > 0


def test_a_hundred_thousand_names_take_no_more_memory_than_ten_thousand() -> None:
    buckets = Buckets(20, remembered=10_000)
    for number in range(10_000):
        buckets.wait_seconds(f"first-{number}")

    tracemalloc.start()
    for number in range(100_000):
        buckets.wait_seconds(f"name-{number}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(buckets.buckets) == 10_000
    # What replaced the first ten thousand, which were not traced.
    assert grown < 10_000 * 400


def test_too_many_bad_keys_of_an_address_are_told_to_wait_and_good_ones_are_not(
    start_receiver: StartReceiver,
) -> None:
    peer = start_receiver(Limits(bad_keys_per_minute=3))

    refused = [peer.ask("GET", "/api/v1/machines", key="x").status for _ in range(3)]
    reply = peer.ask("GET", "/api/v1/machines", key="x")

    assert refused == [401, 401, 401]
    assert assert_refused(reply, 429, "RATE_LIMITED") == {"per_minute": 3}
    assert 1 <= int(reply.headers["retry-after"]) <= 21
    assert peer.ask("GET", "/api/v1/machines").status == 200
    assert peer.ask("GET", "/health", key=None).status == 200


def test_too_many_posts_with_a_key_are_told_to_wait_and_other_keys_are_not(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(posts_per_minute=2, uploads_per_minute=1))

    posts = [peer.trickle(batch()).status for _ in range(3)]
    uploads = [peer.upload(csv_text(), machine_id="web-1").status for _ in range(2)]

    assert posts == [200, 200, 429]
    assert uploads == [200, 429]
    assert peer.trickle(batch(), key=peer.other_key).status == 200
    assert peer.ask("GET", "/api/v1/machines").status == 200


def test_what_is_refused_by_its_rate_sends_no_body(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(posts_per_minute=1))
    peer.trickle(batch())

    answer = peer.raw(
        f"POST {TRICKLE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\nExpect: 100-continue\r\n"
        "Content-Length: 1000\r\n\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 429 ")


def test_an_address_of_the_new_protocol_counts_as_its_network() -> None:
    assert who("2001:db8::1") == who("2001:db8::ffff:ffff:ffff:1") != who("2001:db8:0:1::1")
    assert who("192.0.2.1") != who("192.0.2.2")
    assert who("::ffff:192.0.2.1") == "192.0.2.1"

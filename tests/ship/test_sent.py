"""What was sent is kept for a while: a receiver that was restored from a backup gets it again, and stores it once."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from answering_receiver import Answer, Receiver, Request, answer, sample
from hypothesis import given
from hypothesis import strategies as st

from appliance.ship.batch import Batch
from appliance.ship.queue import Queue
from appliance.ship.sender import Pace, Sender, pack
from appliance.ship.sent import Packed, Sent
from appliance.ship.spool import Limits, Spool

PACE = Pace(3, 0.02, first_seconds=0.01, longest_seconds=0.02, most_per_second=1000)
STORE = "0" * 32


def packed(number: int, size: int = 100) -> Packed:
    return Packed(b"%d " % number + os.urandom(size), f"{number:064x}", number, 3)


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def in_epoch(epoch: int) -> Callable[[Request], Answer]:
    return lambda request: (
        200, {}, json.dumps({"error": None, "batch": request.digest, "store": f"{STORE}:{epoch}"}).encode(),
    )  # fmt: skip


def test_what_is_kept_is_given_in_order_also_by_the_next_process(tmp_path: Path) -> None:
    first = Sent(tmp_path)
    batches = [packed(number) for number in range(5)]
    for each in batches[:3]:
        first.keep(each)
    second = Sent(tmp_path)
    for each in batches[3:]:
        second.keep(each)

    assert list(second.batches()) == list(Sent(tmp_path).batches()) == batches
    assert oct(next((tmp_path / "sent").glob("*.batches")).stat().st_mode)[-3:] == "600"


def test_it_is_bounded_by_bytes_and_the_oldest_go(tmp_path: Path) -> None:
    sent = Sent(tmp_path, max_bytes=3 << 20)
    for number in range(60):
        sent.keep(packed(number, 100_000))

    kept = [each.run for each in sent.batches()]

    assert kept == list(range(kept[0], 60))
    assert kept[0] > 0
    assert sent.bytes == sum(path.stat().st_size for path in (tmp_path / "sent").iterdir()) <= 3 << 20


def test_it_is_bounded_by_age(tmp_path: Path) -> None:
    Sent(tmp_path).keep(packed(1))
    (path,) = (tmp_path / "sent").iterdir()
    os.utime(path, (1, time.time() - 25 * 3600))

    sent = Sent(tmp_path)

    assert (list(sent.batches()), sent.bytes) == ([], 0)


@pytest.mark.parametrize("folder", [True, False])
def test_it_may_be_kept_nowhere(tmp_path: Path, folder: bool) -> None:
    sent = Sent(tmp_path if folder else None, keep_seconds=0 if folder else 60)
    sent.keep(packed(1))
    sent.has_them("a:1")

    assert (list(sent.batches()), list(tmp_path.iterdir())) == ([], [])


@given(st.data())
def test_a_damaged_file_is_given_as_far_as_it_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("sent")
    batches = [packed(number) for number in range(3)]
    for each in batches:
        Sent(folder).keep(each)
    path = sorted((folder / "sent").iterdir())[1]
    before = path.read_bytes()
    content = bytearray(before)
    at = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.sampled_from(["flip", "cut", "zeros"]))
    if damage == "flip":
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content[at:] = bytes(len(content) - at) if damage == "zeros" else b""
    path.write_bytes(content)

    given_back = list(Sent(folder).batches())

    assert given_back == ([batches[0], batches[2]] if bytes(content) != before else batches)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"a":1}'])
def test_damaged_notes_of_stores_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "stores.json").write_bytes(content)

    assert Sent(tmp_path).stores == []


def test_samples_that_wait_take_the_place_of_what_was_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "web-1", limits=Limits(bytes=400_000, free_share=0))
    spool.sent.keep(packed(1, 300_000))

    for at in range(1000):
        spool.put(7, sample(at))

    assert (spool.sent.bytes, spool.dropped, len(spool)) == (0, 0, 1000)
    spool.close()


def test_where_too_little_is_free_what_was_sent_goes_first(tmp_path: Path) -> None:
    # No disk has so much free.
    limits = Limits(segment_bytes=20_000, free_share=2, free_bytes=1 << 62, crowded_bytes=10_000)
    spool = Spool(tmp_path, "web-1", limits=limits)
    kept = Sent(tmp_path)
    kept.keep(packed(1, 1000))
    spool.sent = kept

    at = 0
    while kept.bytes:
        spool.put(7, sample(at))
        at += 1
    assert (spool.dropped, len(spool)) == (0, at)

    # And where there is none, nothing is kept.
    spool.sent = Sent(tmp_path, is_crowded=spool.is_crowded)
    spool.sent.keep(packed(2))
    assert spool.sent.bytes == 0
    spool.close()


def test_a_spool_that_keeps_what_was_sent_stays_when_it_is_empty(tmp_path: Path) -> None:
    for kept in (1, 0):
        spool = Spool(tmp_path / "spool", "web-1", keep_folder=False)
        if kept:
            spool.sent.keep(packed(1))
        else:
            spool.sent.clear()
        spool.close()

        assert (tmp_path / "spool").exists() == bool(kept)


def test_a_receiver_in_another_epoch_gets_again_what_it_had(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = receiver(*[in_epoch(1)] * 3, in_epoch(2))
    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, lambda: "key", spool, PACE, kept=spool.sent)
    sender.start()
    for at in range(9):
        sender.put(7, sample(at))
    until(lambda: sender.sent == 9)

    sender.put(7, sample(9))
    until(lambda: spool.sent.stores[-1] == f"{STORE}:2")

    sender.finish(1)
    sender.join(2)
    spool.close()
    assert [request.times for request in server.requests[4:7]] == [
        request.times for request in server.requests[:3]
    ]  # fmt: skip
    assert [request.body for request in server.requests[4:8]] == [request.body for request in server.requests[:4]]
    assert (len(server.requests), sender.sent, sender.sent_again) == (8, 10, 10)
    assert caplog.messages[-2:] == [
        f"{server.url} has another store than before, as after a restore: what was sent in the last time is offered "
        "again.",
        f"{server.url} has again what was sent before (10 samples).",
    ]


def test_what_one_process_did_not_offer_to_its_end_the_next_one_offers(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(server: Receiver, at: int) -> None:
        spool = Spool(tmp_path, "web-1")
        sender = Sender(server.url, lambda: "key", spool, PACE, kept=spool.sent)
        sender.put(7, sample(at))
        sender.start()
        sender.finish(0.5)
        sender.join(3)
        spool.close()

    run(receiver(in_epoch(1)), 1)
    run(receiver(in_epoch(2), answer(503)), 2)
    assert "is offered again by the next collect." in caplog.text
    server = receiver(in_epoch(2))
    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, lambda: "key", spool, PACE, kept=spool.sent)
    sender.start()
    sender.put(7, sample(3))
    until(lambda: spool.sent.stores[-1] == f"{STORE}:2")

    sender.finish(1)
    sender.join(2)
    spool.close()
    assert sorted(at for request in server.requests for at in request.times) == [1, 2, 3, 3]


def test_two_receivers_that_take_turns_get_everything_once_more_and_not_for_ever(
    receiver: Callable[..., Receiver], tmp_path: Path
) -> None:
    turns = [in_epoch(1 + number % 2) for number in range(200)]
    server = receiver(*turns)
    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, lambda: "key", spool, PACE, kept=spool.sent)
    sender.start()
    for at in range(30):
        sender.put(7, sample(at))
    until(lambda: sender.sent == 30 and len(spool.sent.stores) == 2)
    for at in range(30, 33):
        sender.put(7, sample(at))
    until(lambda: sender.sent == 33)

    sender.finish(1)
    sender.join(2)
    spool.close()
    assert len(server.requests) <= 22


@pytest.mark.parametrize("store", [None, 7, "", "a" * 100, "00:1\n"])
def test_a_receiver_that_does_not_say_whose_store_it_has_changes_nothing(
    receiver: Callable[..., Receiver], tmp_path: Path, store: object
) -> None:
    server = receiver(
        lambda request: (200, {}, json.dumps({"error": None, "batch": request.digest, "store": store}).encode())
    )
    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, lambda: "key", spool, PACE, kept=spool.sent)
    sender.put(7, sample(1))

    sender.start()
    sender.finish(1)
    sender.join(2)
    spool.close()

    assert sender.sent == 1
    assert not (tmp_path / "sent").exists()


def test_what_is_offered_again_and_refused_is_passed_over(
    receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    kept = Sent(tmp_path)
    kept.has_them("aa:1")
    server = receiver(in_epoch(1), answer(400, b'{"message":"Too old."}'), in_epoch(1))
    sender = Sender(server.url, lambda: "key", Queue("web-1"), PACE, kept=kept)
    for number in (1, 2):
        kept.keep(pack(Batch("web-1", 7, [sample(number)], number)))

    sender.start()
    sender.put(7, sample(3))
    until(lambda: kept.stores[-1] == f"{STORE}:1")

    sender.finish(1)
    sender.join(2)
    assert "1 samples that it had before are not taken again:" in caplog.text
    assert (sender.refused, sender.sent_again) == (0, 2)

"""10,000 batches that come twice at once, an upload cut at every place, and 2,000 clients that go away."""

import random

import pytest
from receiver_peer import Peer
from rough_clients import cut, forget_batches, go_away, post, receipts, settle, stored, twins, upload, whole

PAIRS, CONTROL_PAIRS, CLIENTS = 10_000, 50, 2000


def test_10000_batches_that_come_twice_at_once_are_stored_once(peer: Peer) -> None:
    answers = twins(peer, PAIRS)

    assert [sorted(pair) for pair in answers] == [[(200, False), (200, True)]] * PAIRS
    assert set(stored(peer).values()) == {1}
    assert len(receipts(peer)) == PAIRS


def test_control_without_their_digests_they_are_stored_twice(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_batches(monkeypatch)

    twins(peer, CONTROL_PAIRS)

    # Those that were merged since are one again.
    assert max(stored(peer).values()) == 2


@pytest.mark.parametrize(("rows", "step"), [(20, 1), (20_000, 4096)], ids=["every-byte", "every-4-kB"])
def test_an_upload_cut_at_any_place_stores_nothing(peer: Peer, rows: int, step: int) -> None:
    sent = upload(peer, rows)

    places = range(0, len(sent), step)
    for place in places:
        cut(peer, sent[:place], reset=place % 2 == 1)
    settle(peer)

    print(f"cut at {len(places)} places")
    assert receipts(peer) == []
    assert not stored(peer)
    # The control: what is not cut is stored.
    assert whole(peer, sent)[1]["rows_imported"] == rows


def test_2000_clients_that_go_away_and_send_again_have_their_batches_stored_once(peer: Peer) -> None:
    requests = [post(peer, number) for number in range(CLIENTS)]

    go_away(peer, requests, random.Random(20_260_109))
    answers = [whole(peer, sent) for sent in requests]

    before = sum(answer["duplicate"] for _, answer in answers)
    print(f"{before} of {CLIENTS} were stored before they went away")
    assert {status for status, _ in answers} == {200}
    assert 0 < before < CLIENTS
    assert set(stored(peer).values()) == {1}
    assert len(receipts(peer)) == CLIENTS

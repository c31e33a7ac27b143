"""One batch twice at once, cut uploads, and clients that go away: all of it is stored once, or nothing of it."""

import gc
import random

import pytest
from receiver_peer import Peer
from rough_clients import cut, forget_batches, go_away, open_files, post, receipts, settle, stored, twins, upload, whole

PAIRS, PLACES, CLIENTS = 50, 30, 60


def test_a_batch_that_comes_twice_at_once_is_stored_once_and_both_are_told_so(peer: Peer) -> None:
    answers = twins(peer, PAIRS)

    assert [sorted(pair) for pair in answers] == [[(200, False), (200, True)]] * PAIRS
    assert set(stored(peer).values()) == {1}
    assert len(receipts(peer)) == PAIRS


def test_control_without_the_digest_of_a_batch_it_is_stored_twice(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_batches(monkeypatch)

    twins(peer, 5)

    # Those that were merged since are one again.
    assert max(stored(peer).values()) == 2


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_of_an_upload_that_is_cut_nothing_is_stored(peer: Peer, reset: bool) -> None:
    sent = upload(peer)

    for place in range(0, len(sent), len(sent) // PLACES):
        cut(peer, sent[:place], reset=reset)
    settle(peer)

    assert receipts(peer) == []
    assert not stored(peer)
    # The control: what is not cut is stored.
    assert whole(peer, sent)[1]["rows_imported"] == 300


def test_an_upload_that_is_cut_leaves_no_file_open(peer: Peer) -> None:
    sent, before = upload(peer, 30_000), open_files()
    gc.disable()
    try:
        for _ in range(3):
            cut(peer, sent[: len(sent) // 2], reset=True)
        settle(peer)

        # Shorter ones wait in memory.
        assert len(sent) // 2 > 512 << 10
        assert open_files() == before
    finally:
        gc.enable()


def test_a_client_that_goes_away_and_sends_again_has_its_batch_stored_once(peer: Peer) -> None:
    requests = [post(peer, number) for number in range(CLIENTS)] + [upload(peer)]

    go_away(peer, requests, random.Random(1))
    answers = [whole(peer, sent) for sent in requests]

    assert {status for status, _ in answers} == {200}
    # Some of them were stored before, and some not.
    assert {answer["duplicate"] for _, answer in answers} == {True, False}
    assert set(stored(peer).values()) == {1}
    assert len(receipts(peer)) == len(requests)

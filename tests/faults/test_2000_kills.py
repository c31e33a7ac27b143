"""A receiver is killed 2,000 times under load: what it acknowledged is stored, once."""

import signal
import statistics
import time
from pathlib import Path

from hard_life import Forked, live, stored
from long_road import Receiver

ROUNDS, CONTROL_ROUNDS, STARTS = 2000, 50, 11


def test_2000_kills_lose_nothing_and_store_nothing_twice(data: Path) -> None:
    receiver = Forked(data)

    oracle = live(receiver, ROUNDS, seed=20_260_109)

    found = stored(data)
    print(
        f"{ROUNDS} kills, {len(oracle.acknowledged)} samples acknowledged in {oracle.answers[200]} answers, "
        f"{len(found)} stored; ready after {statistics.median(receiver.ready_seconds):.2f} s (forked, median)"
    )
    assert set(oracle.answers) == {200}
    assert oracle.acknowledged <= found.keys() <= oracle.sent
    assert set(found.values()) == {1}


def test_a_receiver_that_was_killed_is_ready_within_two_seconds(data: Path) -> None:
    live(Forked(data), 20, seed=1)
    (data / "registry.sqlite").unlink()
    real, seconds = Receiver(data), []

    for _ in range(STARTS):
        before = time.perf_counter()
        real.start()
        seconds.append(time.perf_counter() - before)
        real.end(signal.SIGKILL)

    print(f"ready after {statistics.median(seconds):.2f} s (median of {STARTS})")
    assert statistics.median(seconds) <= 2


def test_control_a_receiver_that_answers_before_it_commits_loses_samples(data: Path) -> None:
    oracle = live(Forked(data, "early"), CONTROL_ROUNDS, seed=2)

    lost = oracle.acknowledged - stored(data).keys()
    print(f"{len(lost)} of {len(oracle.acknowledged)} lost")
    assert lost


def test_control_a_receiver_that_forgets_its_batches_stores_twice(data: Path) -> None:
    live(Forked(data, "forgetful"), CONTROL_ROUNDS, seed=3)

    assert max(stored(data).values()) > 1

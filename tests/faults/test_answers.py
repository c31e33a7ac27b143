"""Answers are lost after the receiver has stored: the batch comes again, and is stored once."""

import random
from pathlib import Path

from long_road import Collector, Proxy, Receiver

SAMPLES = 20_000


def test_answers_that_are_lost_at_random_change_nothing(real: Receiver, tmp_path: Path) -> None:
    chance = random.Random(7)
    real.start()
    proxy = Proxy(real.port, lambda _: chance.random() < 0.3)
    collector = Collector(tmp_path, proxy.url, real.key, count=SAMPLES)

    collector.start()
    code = collector.finish(300)

    proxy.close()
    print(f"{proxy.lost} answers lost, {len(real.receipts())} batches stored")
    assert code == 0
    assert proxy.lost > 50
    assert real.numbers() == list(range(SAMPLES))


def test_control_without_an_identity_the_batches_would_be_stored_again(real: Receiver, tmp_path: Path) -> None:
    """A receiver that stored whatever comes would have more than there is: the fault is real."""
    came: list[int] = []
    real.start()
    proxy = Proxy(real.port, lambda number: came.append(number) is None and number % 3 == 0)
    collector = Collector(tmp_path, proxy.url, real.key, count=3000)

    collector.start()
    collector.finish(300)

    proxy.close()
    assert len(came) > len(real.receipts())

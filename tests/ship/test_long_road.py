"""Faults on the whole road, to a real receiver and its store: short versions of those in tests/faults."""

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import herd
import pytest
from answering_receiver import Answer, Receiver, Request, answer, stored
from bad_line import BadLine
from collecting import last_taken
from faulty_relay import FaultyRelay
from long_road import Collector, Proxy, kill_either_end, restore_the_receiver
from long_road import Receiver as RealReceiver


@pytest.fixture
def real(data: Path) -> Iterator[RealReceiver]:
    receiver = RealReceiver(data)
    yield receiver
    receiver.end(signal.SIGKILL)


def test_nothing_is_lost_or_stored_twice_when_either_end_is_killed(real: RealReceiver, tmp_path: Path) -> None:
    collector = Collector(tmp_path, real.url, real.key, count=1500, pause=0.003)

    kill_either_end(real, collector, 8, random.Random(3))
    code = collector.finish()

    assert code == 0
    assert last_taken(collector.taken) == 1499
    assert real.numbers() == list(range(1500))


def test_answers_that_are_lost_after_the_commit_change_nothing(real: RealReceiver, tmp_path: Path) -> None:
    real.start()
    proxy = Proxy(real.port, lambda number: number % 2 == 0)
    collector = Collector(tmp_path, proxy.url, real.key, count=600)

    collector.start()
    code = collector.finish()

    proxy.close()
    assert code == 0
    assert proxy.lost >= 3
    assert real.numbers() == list(range(600))


def test_a_receiver_that_was_restored_gets_again_what_it_had(real: RealReceiver, tmp_path: Path) -> None:
    restore_the_receiver(real, tmp_path, 480, tell=True)
    real.start()

    collector = Collector(tmp_path, real.url, real.key, count=1000, pause=0.01)
    collector.start()
    code = collector.finish()

    assert code == 0
    assert real.numbers() == list(range(1000))


def test_many_that_come_back_to_their_receiver_begin_slowly(real: RealReceiver) -> None:
    back = herd.come_back(real, 40)

    assert back.stored == {herd.BATCHES * herd.PACE.batch_samples}
    assert back.failed == 0
    assert back.first <= 40 * (1 + 2)


def torn(request: Request) -> Answer:
    """An answer whose end does not come."""
    return 200, {"Content-Length": "5000", "Connection": "close"}, b'{"error":null'


FAULTS = [
    answer(500), answer(429, Retry_After="0"), torn, answer(200), stored, lambda _: None, answer(413), stored,
    answer(200, b"<html>Please sign in</html>"), stored, answer(503), answer(401), stored, answer(502), stored,
]  # fmt: skip


def test_every_kind_of_answer_ends_with_every_sample_acknowledged_once(
    receiver: Callable[..., Receiver], tmp_path: Path
) -> None:
    acknowledged: list[int] = []

    def kept(each: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def say(request: Request) -> Answer:
            said = each(request)
            if each is stored:
                acknowledged.extend(request.times)
            return said

        return say

    server = receiver(*map(kept, FAULTS))
    collector = Collector(tmp_path, server.url, "key", count=600, pause=0.005)

    collector.start()
    code = collector.finish()

    assert code == 0
    assert [at - acknowledged[0] for at in acknowledged] == list(range(600))


def test_everything_arrives_once_over_a_line_that_is_slow_and_cut(real: RealReceiver, tmp_path: Path) -> None:
    real.start()
    line = BadLine(real.port, bytes_per_second=16_000, up_seconds=0.3, down_seconds=0.1)
    collector = Collector(tmp_path, line.url, real.key, count=600, pause=0.003)

    collector.start()
    code = collector.finish()

    line.close()
    assert code == 0
    assert real.numbers() == list(range(600))
    assert line.cut >= 2


def test_answers_that_are_spoilt_before_and_after_the_commit_change_nothing(real: RealReceiver, tmp_path: Path) -> None:
    real.start()
    relay = FaultyRelay(real.port, seed=5, share=0.5)
    collector = Collector(tmp_path, relay.url, real.key, count=600, pause=0.002)

    collector.start()
    code = collector.finish()

    relay.close()
    assert code == 0
    assert relay.faults.total() >= 5
    assert real.numbers() == list(range(600))

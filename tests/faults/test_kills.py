"""Either end is killed at random moments: what the spool took is stored, once."""

import random
from pathlib import Path

from collecting import last_taken
from long_road import Collector, Receiver, kill_either_end

ROUNDS, CONTROL_ROUNDS = 500, 150
SEED = 20_260_109


def test_500_kills_of_either_end_lose_nothing_and_store_nothing_twice(real: Receiver, tmp_path: Path) -> None:
    collector = Collector(tmp_path, real.url, real.key, count=100_000, pause=0.003)

    kill_either_end(real, collector, ROUNDS, random.Random(SEED))
    # The last one goes no further than it is.
    collector.kill()
    count = last_taken(collector.taken) + 1
    end = Collector(tmp_path, real.url, real.key, count=count)
    end.start()
    code = end.finish()

    stored = real.numbers()
    print(f"{ROUNDS} kills, {count} samples taken, {len(stored)} stored in {len(real.receipts())} batches")
    assert code == 0
    # One that was put and could not be noted any more is taken again, and is the same.
    assert stored == list(range(len(stored)))
    assert len(stored) >= count > ROUNDS


def test_control_who_forgets_before_it_is_stored_loses_samples(real: Receiver, tmp_path: Path) -> None:
    collector = Collector(tmp_path, real.url, real.key, count=100_000, pause=0.003, way="forgetful")

    kill_either_end(real, collector, CONTROL_ROUNDS, random.Random(SEED))
    collector.kill()
    count = last_taken(collector.taken) + 1
    end = Collector(tmp_path, real.url, real.key, count=count)
    end.start()
    end.finish()

    assert set(range(count)) - set(real.numbers())

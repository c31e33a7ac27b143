"""A receiver is restored from yesterday's backup: it gets again what it had acknowledged since, once."""

import random
import time
from pathlib import Path

from collecting import last_taken
from long_road import Collector, Receiver, kill_either_end, restore_the_receiver

SAMPLES = 12_000
ROUNDS = 12


def test_what_was_acknowledged_before_a_restore_comes_again_although_either_end_is_killed(
    real: Receiver, tmp_path: Path
) -> None:
    restore_the_receiver(real, tmp_path, SAMPLES, tell=True)
    kept = sum(path.stat().st_size for path in (tmp_path / "spool" / "sent").iterdir())

    collector = Collector(tmp_path, real.url, real.key, count=100_000, pause=0.005)
    kill_either_end(real, collector, ROUNDS, random.Random(16))
    # From one process to the next the offer begins anew: the last one has the time for all of it.
    deadline = time.monotonic() + 120
    while not set(range(SAMPLES)) <= set(real.numbers()):
        assert time.monotonic() < deadline
        time.sleep(1)
    collector.kill()
    count = last_taken(collector.taken) + 1
    end = Collector(tmp_path, real.url, real.key, count=count)
    end.start()
    code = end.finish()

    stored = real.numbers()
    print(f"{SAMPLES} samples were kept in {kept / 1e6:.1f} MB; {count} taken, {len(stored)} stored")
    assert code == 0
    assert stored == list(range(len(stored)))
    assert len(stored) >= count


def test_control_a_receiver_that_does_not_tell_of_its_restore_lacks_them(real: Receiver, tmp_path: Path) -> None:
    restore_the_receiver(real, tmp_path, 1200, tell=False)
    real.start()

    collector = Collector(tmp_path, real.url, real.key, count=2000, pause=0.005)
    collector.start()
    collector.finish()

    assert set(range(2000)) - set(real.numbers()) == set(range(600, 1200))

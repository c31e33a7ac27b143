"""500, 429, 413, torn and empty answers by chance, before and after the commit, over hundreds of batches."""

import time
from pathlib import Path

from faulty_relay import REFUSALS, FaultyRelay
from long_road import Collector, Receiver, peak_kb

SAMPLES, USUAL_SAMPLES = 30_000, 600
GROWTH_KB = 5000
SEED, SHARE = 11, 0.35


def finish_watched(collector: Collector, seconds: float) -> tuple[int, int]:
    """Let it end, and return its code and the most memory that it had, in kB."""
    highest_kb, deadline = 0, time.monotonic() + seconds
    while not collector.ended and time.monotonic() < deadline:
        highest_kb = max(highest_kb, peak_kb(collector))
        time.sleep(0.05)
    return collector.finish(1), highest_kb


def test_every_sample_is_stored_once_in_order_in_bounded_memory(real: Receiver, tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    real.start()
    relay = FaultyRelay(real.port, SEED, SHARE)
    collector = Collector(tmp_path, relay.url, real.key, count=SAMPLES)

    collector.start()
    code, highest_kb = finish_watched(collector, 400)

    relay.close()
    receipts, numbers = real.receipts(), real.numbers()
    # Afterwards, for it sends the same samples.
    short = Collector(tmp_path / "short", real.url, real.key, count=USUAL_SAMPLES)
    short.start()
    _, usual_kb = finish_watched(short, 60)
    first_stored = [receipt["start_ms"] for receipt in receipts if receipt["inserted"]]
    print(f"{len(receipts)} batches, spoilt answers: {dict(sorted(relay.faults.items()))}; "
          f"memory at most {highest_kb} kB, usually {usual_kb} kB")  # fmt: skip
    assert code == 0
    assert {fault.split()[0] for fault in relay.faults} == set(REFUSALS)
    assert relay.faults.total() > 100
    assert len(receipts) > 300
    assert numbers == list(range(SAMPLES))
    assert first_stored == sorted(first_stored)
    assert 0 < highest_kb < usual_kb + GROWTH_KB


def test_control_who_takes_an_empty_answer_for_an_acknowledgement_loses_samples(real: Receiver, tmp_path: Path) -> None:
    real.start()
    relay = FaultyRelay(real.port, SEED, SHARE)
    collector = Collector(tmp_path, relay.url, real.key, count=5000, way="credulous")

    collector.start()
    code = collector.finish(300)

    relay.close()
    assert code == 0
    assert relay.faults["empty before"]
    assert len(real.numbers()) < 5000

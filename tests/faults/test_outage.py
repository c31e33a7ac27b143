"""The receiver is down for six hours at one second: every sample is stored once, in order, in bounded memory."""

import time
from pathlib import Path

from collecting import last_taken
from long_road import Collector, Receiver, peak_kb

SAMPLES = 6 * 3600
GROWTH_KB = 5000
DRAIN_SECONDS = 120


def wait_until_taken(collector: Collector, count: int) -> None:
    while last_taken(collector.taken) < count - 1:
        assert not collector.ended
        time.sleep(0.1)


def test_six_hours_without_a_receiver_lose_nothing(real: Receiver, tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    short = Collector(tmp_path / "short", real.url, real.key, count=120, length="full")
    short.start()
    wait_until_taken(short, 120)
    usual_kb = peak_kb(short)
    short.kill()
    collector = Collector(tmp_path, real.url, real.key, count=SAMPLES, length="full")
    collector.start()
    wait_until_taken(collector, SAMPLES)
    spool_bytes = sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.jsonl"))

    real.start()
    started = time.monotonic()
    highest_kb = 0
    while not collector.ended:
        time.sleep(0.05)
        highest_kb = max(highest_kb, peak_kb(collector))
    code, seconds = collector.finish(), time.monotonic() - started

    stored = real.numbers()
    begun = [receipt["start_ms"] for receipt in real.receipts()]
    print(f"{spool_bytes / 1e6:.0f} MB waited and were stored after {seconds:.0f} s; "
          f"memory at most {highest_kb} kB, usually {usual_kb} kB")  # fmt: skip
    assert code == 0
    assert stored == list(range(SAMPLES))
    assert begun == sorted(begun)
    assert seconds < DRAIN_SECONDS
    assert highest_kb < usual_kb + GROWTH_KB


def test_control_memory_alone_loses_samples(real: Receiver, tmp_path: Path) -> None:
    collector = Collector(tmp_path, real.url, real.key, count=SAMPLES, way="memory", length="full")
    collector.start()
    wait_until_taken(collector, SAMPLES)

    real.start()
    collector.finish()

    assert len(real.numbers()) < SAMPLES

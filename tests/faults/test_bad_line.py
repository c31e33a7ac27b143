"""A slow line that is cut every second: all samples arrive, each once."""

import time
from pathlib import Path

from bad_line import BadLine
from collecting import last_taken
from long_road import Collector, Receiver

SAMPLES = 6000
BYTES_PER_SECOND = 16_000
UP_SECONDS, DOWN_SECONDS = 0.7, 0.3


def test_everything_arrives_once_over_a_line_that_is_slow_and_cut(real: Receiver, tmp_path: Path) -> None:
    real.start()
    line = BadLine(real.port, BYTES_PER_SECOND, UP_SECONDS, DOWN_SECONDS)
    collector = Collector(tmp_path, line.url, real.key, count=SAMPLES, pause=0.004)

    collector.start()
    code = collector.finish(300)

    line.close()
    print(f"{SAMPLES} samples arrived over a line that was cut {line.cut} times under way")
    assert code == 0
    assert real.numbers() == list(range(SAMPLES))
    assert line.cut > 10


def test_control_who_forgets_what_it_gave_away_loses_it_with_the_line(real: Receiver, tmp_path: Path) -> None:
    real.start()
    line = BadLine(real.port, BYTES_PER_SECOND, UP_SECONDS, DOWN_SECONDS)
    collector = Collector(tmp_path, line.url, real.key, count=100_000, pause=0.004, way="forgetful")
    for _ in range(5):
        collector.start()
        cut = line.cut
        while line.cut < cut + 2:
            time.sleep(0.01)
        # The line is down, and a batch is under way.
        time.sleep(DOWN_SECONDS / 2)
        collector.kill()
    line.close()

    count = last_taken(collector.taken) + 1
    end = Collector(tmp_path, real.url, real.key, count=count)
    end.start()
    end.finish()

    assert set(range(count)) - set(real.numbers())

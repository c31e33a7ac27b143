"""The slow start of a backlog: 1, 2, 4 ... batches a second up to a limit, and nothing held back without a backlog."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ship.slow_start import SlowStart


def sent_at(start: SlowStart, seconds: float, each_seconds: float = 0) -> list[float]:
    """When batches are sent that always wait, each of which takes a while."""
    now, times = 0.0, []
    while now < seconds:
        now += start.pause_seconds(now)
        times.append(now)
        now += each_seconds
    return times


def test_it_doubles_each_second_up_to_the_limit() -> None:
    start = SlowStart(8)
    start.begin(0)

    times = sent_at(start, 10)

    # The batch that it began with is the first of the first second.
    counts = [sum(second <= at < second + 1 for at in times) for second in range(9)]
    assert counts == [0, 2, 4, 8, 8, 8, 8, 8, 8]


@given(st.integers(1, 100), st.floats(0, 2))
def test_no_second_has_more_than_the_limit(most: int, each_seconds: float) -> None:
    start = SlowStart(most)
    start.begin(0)

    times = sent_at(start, 20, each_seconds)

    assert all(later - before > 0.999 / most for before, later in pairwise(times))


@given(st.floats(0, 1e9))
def test_who_waited_long_does_not_catch_up(waited: float) -> None:
    start = SlowStart(8)
    start.begin(0)

    first = start.pause_seconds(waited + 1)

    assert first == 0
    assert start.pause_seconds(waited + 1) == pytest.approx(1 / min(2 ** min(int(waited + 1), 30), 8))


def test_without_a_backlog_nothing_is_held_back() -> None:
    start = SlowStart(8)
    begun_and_ended = SlowStart(8)
    begun_and_ended.begin(5)
    begun_and_ended.end()

    assert [start.pause_seconds(5), begun_and_ended.pause_seconds(5)] == [0, 0]

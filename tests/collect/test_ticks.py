"""Ticks: on the grid, never bunched, never drifting, whatever comes in between."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.collect.clocks import clock_offset
from appliance.collect.ticks import Ticks

OFFSET = 1_767_977_000.25
SOON = 50.0
"""A monotonic time; the next whole second of the wall clock is at 50.75."""


def simulate(ticks: Ticks, delays: list[float], offsets: list[float] | None = None) -> list[tuple[float, int | float]]:
    """Run the loop on a clock of our own, with a delay before each sample; return when each was taken, and its time."""
    now, taken = SOON, []
    for number, delay in enumerate(delays):
        if ticks.over:
            break
        now = max(now, ticks.due) + delay
        if not ticks.skip_late(now):
            taken.append((now, ticks.timestamp(offsets[number] if offsets else OFFSET)))
            ticks.taken()
    return taken


def test_the_first_tick_is_the_next_whole_second() -> None:
    ticks = Ticks(5, 0, SOON, OFFSET)

    assert ticks.due == pytest.approx(50.75)
    assert ticks.timestamp(OFFSET) == 1_767_977_051


def test_below_a_second_the_first_tick_is_at_once_and_timestamps_have_milliseconds() -> None:
    taken = simulate(Ticks(0.25, 1, SOON, OFFSET), [0] * 9)

    assert taken[0][0] == pytest.approx(SOON, abs=0.001)
    assert [at for _, at in taken] == [1_767_977_050.25 + step for step in (0, 0.25, 0.5, 0.75, 1)]


@pytest.mark.parametrize(
    ("duration", "interval", "samples"), [(60, 1, 61), (60, 5, 13), (0.3, 0.1, 4), (3, 5, 1), (12, 5, 3), (1, 1, 2)]
)
def test_a_duration_has_a_sample_at_both_ends(duration: float, interval: float, samples: int) -> None:
    taken = simulate(Ticks(interval, duration, SOON, OFFSET), [0] * 100)

    assert len(taken) == samples


@given(
    st.lists(st.one_of(st.floats(0, 0.3), st.floats(0, 20)), max_size=200),
    st.sampled_from([0.05, 0.5, 1, 2, 10]),
)
def test_late_ticks_are_skipped_and_never_bunched(delays: list[float], interval: float) -> None:
    tolerance = max(0.1 * interval, 0.005)

    taken = simulate(Ticks(interval, 0, SOON, OFFSET), delays)

    for (at, stamp), (next_at, next_stamp) in pairwise(taken):
        assert next_at - at >= interval - tolerance - 1e-6
        assert next_stamp >= stamp + interval - 0.001
        # A timestamp is as true as the tolerance, and so is every rate.
        assert next_stamp - stamp == pytest.approx(next_at - at, abs=tolerance + 0.002)


@given(st.lists(st.floats(0, 0.09), min_size=50, max_size=200))
def test_small_delays_cost_no_tick_and_do_not_add_up(delays: list[float]) -> None:
    taken = simulate(Ticks(1, 0, SOON, OFFSET), delays)

    assert [at for _, at in taken] == list(range(1_767_977_051, 1_767_977_051 + len(delays)))


def test_what_was_missed_is_counted() -> None:
    ticks = Ticks(1, 0, SOON, OFFSET)

    assert [ticks.skip_late(ticks.due + late) for late in (0.09, 0.2, 3.05, 3.2)] == [0, 1, 3, 4]


def test_ticks_after_the_end_are_not_missed() -> None:
    ticks = Ticks(1, 5, SOON, OFFSET)

    assert ticks.skip_late(ticks.due + 100) == 6
    assert ticks.over


def test_a_clock_that_is_set_moves_the_timestamps_and_not_the_ticks() -> None:
    offsets = [OFFSET, OFFSET, OFFSET + 3600, OFFSET + 3600, OFFSET - 0.3, OFFSET - 0.3]

    taken = simulate(Ticks(1, 0, SOON, OFFSET), [0] * 6, offsets)

    assert [at - 1_767_977_051 for _, at in taken] == [0, 1, 3602, 3603, 4, 5]
    assert [at for at, _ in taken] == pytest.approx([50.75 + step for step in range(6)])


@given(st.lists(st.floats(-0.4, 0.4), min_size=5, max_size=50))
def test_a_clock_that_wavers_changes_no_timestamp(wavers: list[float]) -> None:
    taken = simulate(Ticks(1, 0, SOON, OFFSET), [0] * len(wavers), [OFFSET + waver for waver in wavers])

    assert [at for _, at in taken] == list(range(1_767_977_051, 1_767_977_051 + len(wavers)))


def test_the_offset_of_this_machines_clocks_is_steady() -> None:
    assert clock_offset() == pytest.approx(clock_offset(), abs=0.1)

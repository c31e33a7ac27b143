import pytest
from hypothesis import given
from hypothesis import strategies as st

from static_site import axes, units
from static_site.times import Span

QUANTITIES = [units.BYTES, units.TRAFFIC_PER_SECOND, units.BITS_PER_SECOND, units.SECONDS, units.COUNT, units.PERCENT]


@given(st.floats(0, 1e15), st.sampled_from(QUANTITIES), st.sampled_from([4, 5]))
def test_a_value_axis_starts_at_zero_holds_the_largest_and_has_few_ticks(largest, quantity, most) -> None:
    axis = axes.value_axis(largest, quantity, most=most)

    places = [place for place, _ in axis.ticks]
    assert places[0] == 0
    assert axis.top >= largest * (1 - 1e-9)
    assert axis.top == places[-1] > 0
    assert len(places) <= most + 1 <= axes.MAX_TICKS
    assert len({label for _, label in axis.ticks}) == len(places)


def test_shares_of_a_whole_end_at_100() -> None:
    axis = axes.value_axis(3.2, units.PERCENT, top=100)

    assert axis.top == 100
    assert [label for _, label in axis.ticks] == ["0", "25", "50", "75", "100"]


def test_an_axis_of_bytes_has_round_numbers_in_its_own_unit() -> None:
    axis = axes.value_axis(53.6 * 2**20, units.BYTES)

    assert axis.unit == "MiB"
    assert axis.ticks[1] == (20 * 2**20, "20")


def test_counts_have_no_halves() -> None:
    assert [label for _, label in axes.value_axis(5, units.TASKS).ticks] == ["0", "2", "4", "6"]


@given(st.integers(1_000_000_000, 3_000_000_000), st.integers(0, 200_000_000), st.integers(3, 12))
def test_a_time_axis_has_at_most_its_ticks_and_all_inside(start: int, length: int, most: int) -> None:
    span = Span(start * 1000, (start + length) * 1000)

    ticks = axes.time_ticks(span, most)

    assert len(ticks) <= most
    assert all(span.start_ms <= at_ms <= span.end_ms for at_ms, _ in ticks)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (30, ["01 Jan", "00:00:05", "00:00:10"]),
        (900, ["01 Jan", "00:02", "00:04"]),
        (86_400 * 2, ["01 Jan", "06:00", "12:00"]),
        (86_400 * 30, ["01 Jan", "08 Jan", "15 Jan"]),
    ],
)
def test_labels_are_clock_times_and_dates_where_a_day_begins(seconds: int, labels: list[str]) -> None:
    start_ms = 1_767_225_600_000

    ticks = axes.time_ticks(Span(start_ms, start_ms + seconds * 1000))

    assert [label for _, label in ticks[:3]] == labels

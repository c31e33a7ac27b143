"""Points in time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import moment
from appliance.errors import UsageError


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-01-31", 1_769_817_600_000),
        ("2026-01-31T12:00:00Z", 1_769_860_800_000),
        ("2026-01-31T12:00:00.25+01:00", 1_769_857_200_250),
        ("1767977160", 1_767_977_160_000),
        ("0", 0),
        ("-5", -5000),
    ],
)
def test_a_time_may_be_written_in_several_ways(text: str, at_ms: int) -> None:
    assert moment.parse(text) == at_ms


def test_a_date_that_ends_a_span_includes_its_day() -> None:
    assert moment.parse("2026-01-31", end=True) == moment.parse("2026-02-01") - 1
    assert moment.parse("2026-01-31T00:00:00Z", end=True) == moment.parse("2026-01-31")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "²", "--5", "1e9", "1_000", "9" * 30, "9" * 5000])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time: write 2026-01-31"):
        moment.parse(text)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="has no time zone"):
        moment.parse("2026-01-31T12:00:00")


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_what_is_written_reads_back(at_ms: int) -> None:
    assert moment.parse(moment.text(at_ms)) == at_ms

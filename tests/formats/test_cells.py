"""Cells of CSV files: which numbers are taken, and that what is written reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import cells

NO_NUMBERS = ["", "abc", "NaN", "inf", "-Infinity", "1_000", "0x10", "١٢", "１２", "1,5", "1.2.3", "1e", "--1", "."]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("read", [cells.whole, cells.share, cells.time_ms])
def test_what_is_no_number_is_refused(read: object, text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("+5", 5), ("1024.0", 1024), ("1.6e7", 16_000_000), ("9223372036854775807", 2**63 - 1)],
)
def test_a_whole_number_may_have_a_point_but_no_fraction(text: str, number: int) -> None:
    assert cells.whole(text) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.5", "not a whole number"),
        ("1e-9999", "not a whole number"),
        ("-1", "negative"),
        ("9223372036854775808", "too large"),
        ("1e999", "too large"),
    ],
)
def test_a_whole_number_fits_into_64_bits(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cells.whole(text)


@pytest.mark.parametrize("text", ["-0.1", "250", "1e999"])
def test_a_share_is_between_0_and_100_percent(text: str) -> None:
    with pytest.raises(ValueError, match="not a share in percent"):
        cells.share(text)


def test_a_time_is_in_seconds_of_our_century() -> None:
    assert cells.time_ms("1704067200") == 1_704_067_200_000
    assert cells.time_ms("1704067200.25") == 1_704_067_200_250
    with pytest.raises(ValueError, match="looks like milliseconds"):
        cells.time_ms("1704067200000")
    with pytest.raises(ValueError, match="between the years 2000 and 2100"):
        cells.time_ms("0")


@given(st.floats(0, 101))
def test_a_share_is_written_so_that_it_reads_back_and_without_an_exponent(share: float) -> None:
    text = cells.real_text(share)

    assert cells.share(text) == share
    assert "e" not in text


@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_a_time_is_written_so_that_it_reads_back(at_ms: int) -> None:
    assert cells.time_ms(cells.seconds_text(at_ms)) == at_ms


@given(st.text())
def test_an_escaped_text_reads_back(text: str) -> None:
    assert cells.unescaped(cells.escaped(text)) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\0"])
def test_a_text_that_a_spreadsheet_takes_for_a_formula_is_escaped(text: str) -> None:
    assert cells.escaped(text) == "'" + text

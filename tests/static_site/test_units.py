import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.analysis import wording
from static_site import units
from static_site.units import THIN, text


@pytest.mark.parametrize(
    ("value", "quantity", "written"),
    [
        (0, units.PERCENT, "0 %"),
        (0.02, units.PERCENT, "<0.1 %"),
        (0.45, units.PERCENT, "0.45 %"),
        (95.112, units.PERCENT, "95.1 %"),
        (99.96, units.PERCENT, "100 %"),
        (0, units.BYTES, "0 B"),
        (1023, units.BYTES, f"1{THIN}023 B"),
        (1024, units.BYTES, "1.00 KiB"),
        (98_099_200, units.BYTES, "93.6 MiB"),
        (56_211_251, units.TRAFFIC_PER_SECOND, "56.2 MB/s"),
        (56_211_251, units.TRAFFIC, "56.2 MB"),
        (1_030_000, units.BITS_PER_SECOND, "1.03 Mbit/s"),
        (999, units.BITS_PER_SECOND, "999 bit/s"),
        (0.000_991, units.SECONDS, "991 µs"),
        (0.0325, units.SECONDS, "32.5 ms"),
        (0.659, units.SECONDS, "659 ms"),
        (2.5, units.SECONDS, "2.50 s"),
        (6005, units.COUNT, f"6{THIN}005"),
        (7, units.TASKS, "7 tasks"),
        (7.06, units.TASKS, "7.06 tasks"),
        (None, units.PERCENT, "–"),
        (float("nan"), units.BYTES, "–"),
        (float("inf"), units.BYTES, "–"),
    ],
)
def test_numbers_are_written_with_three_figures_and_a_unit_that_fits(value, quantity, written) -> None:
    assert text(value, quantity).replace(units.NO_BREAK, " ") == written


@given(st.floats(1e-9, 1e15))
def test_what_is_not_zero_is_never_written_as_zero(value: float) -> None:
    assert not text(value, units.PERCENT).startswith(("0 ", "0.0 ", "0.00"))


@given(st.floats(0.1, 1e14), st.sampled_from([units.BYTES, units.BITS_PER_SECOND, units.PERCENT]))
def test_a_written_number_is_within_half_a_percent_of_the_value(value: float, quantity: units.Quantity) -> None:
    number, _, unit = text(value, quantity).partition(units.NO_BREAK)

    size = next(size for size, name in quantity.scales if name == unit)
    assert float(number.replace(THIN, "")) * size == pytest.approx(value, rel=0.05 if number < "1" else 0.005)


@pytest.mark.parametrize(
    ("value", "written"), [(4.57, "+4.57"), (-4.57, "−4.57"), (0, "0"), (0.01, "<0.1"), (-0.01, "<0.1")]
)
def test_a_change_has_its_sign(value: float, written: str) -> None:
    assert units.signed(value) == written


@pytest.mark.parametrize(
    ("value", "quantity", "written"),
    [
        (1_430_000, units.TRAFFIC_PER_SECOND, "+1.43 MB/s"), (-0.5, units.PERCENT, "−0.50 %"),
        (0, units.PERCENT, "0 %"), (-0.01, units.PERCENT, "<0.1 %"),
    ],
)  # fmt: skip
def test_a_change_of_a_quantity_has_its_sign_and_its_unit(value, quantity, written) -> None:
    assert units.change(value, quantity).replace(units.NO_BREAK, " ") == written


def test_lists_and_counts_read_as_sentences() -> None:
    assert units.listed([]) == ""
    assert units.listed(["a"]) == "a"
    assert units.listed(["a", "b"]) == "a and b"
    assert units.listed(["a", "b", "c"]) == "a, b and c"
    assert units.counted(1, "disk") == "1 disk"
    assert units.counted(2, "is", "are") == "2 are"


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    sentence = "sda moved 51.3 MB/s in 5 min, 99 % of 6 days; 4 MBoot"

    joined = units.joined(sentence)

    assert joined == "sda moved 51.3\u00a0MB/s in 5\u00a0min, 99\u00a0% of 6 days; 4 MBoot"


def test_thousands_of_a_sentence_are_grouped_as_on_all_of_the_page() -> None:
    sentence = f"held back in 4 of {wording.grouped(6005)} periods, 12 345 678 in all, CPU 1 2000"

    assert units.joined(sentence) == f"held back in 4 of 6{THIN}005 periods, 12{THIN}345{THIN}678 in all, CPU 1 2000"
    assert units.grouped(6005) == f"6{THIN}005"

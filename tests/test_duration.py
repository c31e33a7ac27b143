import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import duration
from appliance.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400),
        ("5m", 300),
        ("60s", 60),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("0", 0),
        ("0s", 0),
        ("2d", 172800),
    ],
)
def test_durations_are_read_as_go_programs_write_them(text: str, seconds: float) -> None:
    assert duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "five", "1e3s", "1h-30m", "５m", "999999999d"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="60s|100 years"):
        duration.parse(text)


@given(st.integers(0, 10**10))
def test_a_written_duration_is_read_back(milliseconds: int) -> None:
    assert duration.parse(duration.text(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)

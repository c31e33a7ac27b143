import numpy as np
import pytest

from static_site import times
from static_site.times import Span
from static_site.units import NO_BREAK

NEW_YEAR = 1_767_225_600_000  # 2026-01-01 00:00:00 UTC


def test_the_date_is_written_only_where_there_is_more_than_one() -> None:
    at_ms = NEW_YEAR + 3_600_000

    assert times.at(at_ms, Span(NEW_YEAR, NEW_YEAR + 7_200_000)) == "01:00:00"
    assert times.at(at_ms, Span(NEW_YEAR, NEW_YEAR + 90_000_000)) == "2026-01-01 01:00:00"


def test_a_stretch_names_its_zone() -> None:
    assert times.stretch(NEW_YEAR, NEW_YEAR + 60_000) == "2026-01-01 00:00:00 to 00:01:00 UTC"
    assert times.stretch(NEW_YEAR, NEW_YEAR + 86_400_000) == "2026-01-01 00:00:00 to 2026-01-02 00:00:00 UTC"
    assert times.stretch(NEW_YEAR, NEW_YEAR) == "2026-01-01 00:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"), (0.5, "0.5 s"), (45, "45 s"), (345, "5 min 45 s"), (3600, "1 h"), (36_180, "10 h 3 min"),
        (90_061, "1 d 1 h"), (59.7, "1 min"),
    ],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: float, written: str) -> None:
    assert times.duration(seconds).replace(NO_BREAK, " ") == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        ([], "single"),
        ([np.nan], "single"),
        ([5, 5, 5], "5-second"),
        ([10.01, 9.99, 10.0], "10-second"),
        ([60], "1-minute"),
        ([3600], "1-hour"),
        ([0.5, 0.5], "0.5-second"),
        ([1] * 50 + [60] * 50, "1-second to 1-minute"),
    ],
)
def test_the_usual_interval_is_an_adjective(seconds: list[float], written: str) -> None:
    assert times.interval(np.array(seconds, float)) == written

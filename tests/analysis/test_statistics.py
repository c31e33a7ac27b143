import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.analysis import statistics

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1, max_size=200), st.floats(0.1, 100))
def test_with_equal_weights_percentiles_are_those_of_numpy(values: list[float], weight: float) -> None:
    found = statistics.weighted_percentiles(np.array(values), np.full(len(values), weight), statistics.PERCENTILES)

    assert found == pytest.approx(list(np.percentile(values, statistics.PERCENTILES)), rel=1e-9, abs=1e-6)


@given(st.lists(st.tuples(NUMBERS, st.integers(1, 5)), min_size=1, max_size=50))
def test_percentiles_lie_between_the_smallest_and_the_largest(pairs: list[tuple[float, int]]) -> None:
    values, weights = (np.array(column, float) for column in zip(*pairs, strict=True))

    found = statistics.weighted_percentiles(values, weights, statistics.PERCENTILES)

    assert found == sorted(found)
    assert values.min() <= found[0]
    assert found[-1] <= values.max()


@pytest.mark.parametrize(
    ("percentile", "enough"), [(50.0, 20), (95.0, 200), (5.0, 200), (97.5, 400), (99.0, 1000), (99.9, 10_000)]
)
def test_a_percentile_needs_ten_intervals_beyond_it(percentile: float, enough: int) -> None:
    assert statistics.defensible(enough, percentile)
    assert not statistics.defensible(enough - 1, percentile)


def test_a_summary_weighs_by_time_and_knows_when_the_maximum_was() -> None:
    series = pd.Series([1.0, np.nan, 3.0], index=[0, 5000, 35_000])
    seconds = pd.Series([5.0, 5.0, 30.0], index=[0, 5000, 35_000])

    summary = statistics.summarise(series, seconds, 40)

    assert (summary.n, summary.coverage) == (2, 35 / 40)
    assert summary.mean == pytest.approx((5 * 1 + 30 * 3) / 35)
    assert (summary.minimum, summary.maximum, summary.maximum_at_ms) == (1.0, 3.0, 35_000)
    assert set(summary.percentiles.values()) == {None}


def test_of_nothing_nothing_is_said() -> None:
    summary = statistics.summarise(pd.Series(dtype=float), pd.Series(dtype=float), 10)

    assert (summary.n, summary.mean, summary.maximum, summary.coverage) == (0, None, None, 0.0)


def test_time_over_a_limit_is_added_up_and_a_stretch_ends_at_what_is_not_known() -> None:
    values = pd.Series([90.0, 95.0, 10.0, 91.0, np.nan, 92.0, 93.0, 94.0], index=range(0, 8000, 1000))
    seconds = pd.Series([np.nan, 1, 1, 1, 1, 2, 2, 2], index=values.index)

    assert statistics.over(values, seconds, 90.0) == statistics.Over(total=8.0, longest=6.0)
    assert statistics.over(values, seconds, 99.0) == statistics.Over(total=0.0, longest=0.0)

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from static_site import buckets
from static_site.times import Span

START_MS = 1_767_225_600_000


def series(values: list[float], step_ms: int = 1000) -> tuple[pd.Series, pd.Series]:
    index = pd.Index(START_MS + step_ms * np.arange(1, len(values) + 1), dtype="int64")
    return pd.Series(values, index=index, dtype="float64"), pd.Series(step_ms / 1000, index=index)


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=200))
def test_buckets_have_the_mean_percentiles_and_maximum_of_their_values(values: list[float]) -> None:
    numbers, seconds = series(values)

    drawn = buckets.bucketed(numbers, seconds, 10)

    known = numbers.dropna()
    by_bucket = known.groupby((known.index.to_numpy() - 1 - START_MS) // 10_000)
    there = np.isfinite(drawn.mean)
    assert int(there.sum()) == by_bucket.ngroups
    for layer, expected in (
        (drawn.mean, by_bucket.mean()),
        (drawn.low, by_bucket.quantile(0.05)),
        (drawn.high, by_bucket.quantile(0.95)),
        (drawn.most, by_bucket.max()),
    ):
        np.testing.assert_allclose(layer[there], expected.to_numpy(), atol=1e-6)


def test_a_single_high_sample_is_in_the_picture_of_a_quarter() -> None:
    values = np.zeros(259_200)
    values[123_456] = 100
    numbers, seconds = series(values.tolist(), 10_000)

    drawn = buckets.layers(numbers, seconds, [], Span(START_MS, int(numbers.index[-1])))

    assert len(drawn.at_ms) <= 800
    assert drawn.most.max() == 100
    at_ms = drawn.at_ms[drawn.most.argmax()]
    assert abs(at_ms - numbers.index[123_456]) <= drawn.step_seconds * 500


def test_a_bucket_with_few_samples_says_so() -> None:
    numbers, seconds = series([1.0] * 25)

    drawn = buckets.bucketed(numbers, seconds, 10)

    assert drawn.coverage.tolist() == [1.0, 1.0, 0.5]


def test_a_mean_is_weighted_by_time() -> None:
    numbers, seconds = series([0.0, 30.0])
    seconds.iloc[1] = 2.0

    drawn = buckets.bucketed(numbers, seconds, 10)

    assert drawn.mean.tolist() == [20.0]


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(60, 5), (3600, 5), (7200, 10), (36_000, 60), (86_400, 300), (30 * 86_400, 3600), (365 * 86_400, 86_400)],
)
def test_steps_are_civil_and_the_shortest_that_fit(seconds: int, step: int) -> None:
    found = buckets.step(Span(START_MS, START_MS + seconds * 1000))

    assert found == step
    assert seconds / found <= 800


def test_edges_do_not_move_when_a_later_sample_arrives() -> None:
    values, seconds = series(list(range(95)))
    longer, more = series(list(range(96)))

    before, after = buckets.bucketed(values, seconds, 10), buckets.bucketed(longer, more, 10)

    assert before.at_ms.tolist() == after.at_ms.tolist()
    assert before.mean[:-1].tolist() == after.mean[:-1].tolist()


def test_few_samples_are_drawn_as_they_are_with_a_break_in_every_gap() -> None:
    numbers, seconds = series([1.0, 2.0, 3.0, 4.0])
    gap = (int(numbers.index[1]), int(numbers.index[2]))

    drawn = buckets.layers(numbers, seconds, [gap], Span(START_MS, START_MS + 4000))

    assert drawn.step_seconds is None
    np.testing.assert_array_equal(drawn.mean, [1, 2, np.nan, 3, 4])


def test_a_series_without_a_value_has_no_bucket() -> None:
    numbers, seconds = series([float("nan")] * 5)

    assert len(buckets.bucketed(numbers, seconds, 10).at_ms) == 0

"""What holds for whatever was recorded: nothing is invented, and nothing that was seen is lost."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import metrics
from appliance.analysis import derived, statistics
from appliance.analysis.run import Run
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values
from static_site import buckets
from static_site.times import Span

START_MS, STEP_MS = 1_700_000_000_000, 10_000
IN_90_DAYS = 90 * 86_400_000 // STEP_MS
QUIET = pd.Series(1.0, index=START_MS + STEP_MS * np.arange(1, IN_90_DAYS + 1))
SECONDS = pd.Series(10.0, index=QUIET.index)
SPAN = Span(START_MS, START_MS + STEP_MS * IN_90_DAYS)
PERCENTAGES = tuple(np.arange(0, 100.5, 0.5).tolist())


def samples(metric: Metric, columns: dict[str, list[int]], rows: list[int], run: int = 0) -> Samples:
    """Counters or gauges, by instance, of which only some rows were kept."""
    at_ms = START_MS + STEP_MS * np.array(rows, np.int64)
    return Samples(
        "m", run, metric.group, at_ms,
        {Column(metric, name): Values(np.array(numbers, np.int64)[rows]) for name, numbers in columns.items()},
    )  # fmt: skip


COUNTERS = st.lists(st.integers(1, 10**12), min_size=3, max_size=40).map(lambda grown: np.cumsum(grown).tolist())


@given(COUNTERS, st.data())
def test_removing_samples_never_turns_unknown_into_zero(counter: list[int], data: st.DataObject) -> None:
    """The counter grew in every interval: what is known of any choice of its samples is above zero."""
    rows = sorted(data.draw(st.sets(st.integers(0, len(counter) - 1), min_size=1)))

    run = Run("m", [samples(metrics.SENT_BYTES, {"eth0": counter}, rows)])

    known = run.rates(metrics.SENT_BYTES)["eth0"]
    assert np.isnan(known.iloc[0])
    assert np.isnan(run.deltas(metrics.SENT_BYTES)["eth0"].iloc[0])
    assert (known.dropna() > 0).all()
    assert (run.gap_rates(metrics.SENT_BYTES)["eth0"].dropna() > 0).all()


@given(COUNTERS, st.data())
def test_sums_of_what_is_left_are_the_differences_of_the_counter(counter: list[int], data: st.DataObject) -> None:
    rows = sorted(data.draw(st.sets(st.integers(0, len(counter) - 1), min_size=2)))

    run = Run("m", [samples(metrics.SENT_BYTES, {"eth0": counter}, rows)])

    assert run.totals(metrics.SENT_BYTES)["eth0"] == counter[rows[-1]] - counter[rows[0]]


@settings(max_examples=15)
@given(st.integers(0, IN_90_DAYS - 1))
def test_a_spike_of_one_sample_in_90_days_is_not_lost(row: int) -> None:
    at_ms = int(QUIET.index[row])
    spiky = QUIET.copy()
    spiky.iloc[row] = 100.0

    drawn = buckets.layers(spiky, SECONDS, [], SPAN)
    summary = statistics.summarise(spiky, SECONDS, SPAN.seconds)

    assert len(drawn.most) <= buckets.MAX_BUCKETS
    (bucket,) = np.flatnonzero(drawn.most == 100.0)
    assert drawn.step_seconds is not None
    assert abs(drawn.at_ms[bucket] - at_ms) <= drawn.step_seconds * 500
    assert (summary.maximum, summary.maximum_at_ms) == (100.0, at_ms)
    assert statistics.over(spiky, SECONDS, 100.0) == statistics.Over(10.0, 10.0)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0.01, 3600)), min_size=1, max_size=60))
def test_percentiles_rise(pairs: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*pairs, strict=True))

    found = statistics.weighted_percentiles(values, weights, PERCENTAGES)

    assert found == sorted(found)
    assert (found[0], found[-1]) == (values.min(), values.max())


@given(st.lists(st.integers(-30, 1000), min_size=2, max_size=30))
def test_shares_of_cpu_time_are_never_negative_and_sum_to_all_of_it(idle_steps: list[int]) -> None:
    """Idle time may step back by a few ticks; user time rises."""
    n = len(idle_steps)
    rows = list(range(n))
    idle = (100_000 + np.cumsum(idle_steps)).tolist()
    user = np.arange(1, n + 1) * 7

    shares = derived.cpu_shares(
        Run("m", [
            Samples("m", 0, metrics.CPU_IDLE.group, START_MS + STEP_MS * np.array(rows, np.int64), {
                Column(metrics.CPU_IDLE, "all"): Values(np.array(idle, np.int64)),
                Column(metrics.CPU_USER, "all"): Values(user.astype(np.int64)),
            }),
        ])
    )  # fmt: skip

    known = shares[["user", "idle"]].iloc[1:]
    assert (known >= 0).all(axis=None)
    assert np.allclose(known.sum(axis=1), 100)

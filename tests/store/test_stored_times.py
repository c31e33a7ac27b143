"""Times are counted once each, however they come, in little memory."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from appliance import metrics
from appliance.samples import Column, Samples, Values
from appliance.store.times import Seen

LOAD = Column(metrics.LOAD_1, "")
stretches = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 1), st.integers(0, 60), st.integers(1, 12))


def part(machine: str, run: int, at_ms: np.ndarray) -> Samples:
    return Samples(machine, run, LOAD.metric.group, at_ms, {LOAD: Values(at_ms)})


@given(st.lists(stretches, max_size=12), st.integers(1, 3))
def test_each_time_of_a_machine_and_run_counts_once(parts: list[tuple[str, int, int, int]], step: int) -> None:
    seen, every = Seen(), set()

    for machine, run, start, count in parts:
        at_ms = np.arange(start, start + count * step, step)
        seen.add(part(machine, run, at_ms))
        every |= {(machine, run, at) for at in at_ms.tolist()}

    times = [at for _, _, at in every]
    assert seen.count() == len(every)
    assert seen.span() == (min(times, default=None), max(times, default=None))
    assert all(
        seen.has(machine, run, at) == ((machine, run, at) in every)
        for machine in "ab"
        for run in range(2)
        for at in range(100)
    )


def test_stretches_that_are_over_take_next_to_no_memory() -> None:
    seen = Seen()

    for day in range(10):
        seen.add(part("a", 0, day * 86_400_000 + np.arange(8640) * 10_000))

    assert seen.count() == 86_400
    assert sum(stretch.at_ms is not None for stretch in seen.stretches["a", 0]) == 1
    assert sum(len(stretch.packed[0]) for stretch in seen.stretches["a", 0]) < 1000

"""Consumers sum to the total: the biggest, the others, and what nobody accounts for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import metrics
from appliance.analysis.consumers import consumers, cpu_seconds_used
from appliance.analysis.run import Run
from appliance.metrics import Metric
from appliance.samples import Column, Samples, Values

START_MS = 1_700_000_000_000


def counted(columns: dict[tuple[Metric, str], int]) -> Samples:
    """Two samples of counters, by how much each grew."""
    group = next(iter(columns))[0].group
    at_ms = START_MS + 10_000 * np.arange(2)
    grown = {Column(*name): Values(np.array([7, 7 + amount], np.int64)) for name, amount in columns.items()}
    return Samples("m", 0, group, at_ms, grown)


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 10**9), min_size=1, max_size=20), st.integers(1, 5))
def test_top_others_and_unattributed_sum_to_the_total(used: dict[str, int], most: int) -> None:
    run = Run("m", [counted({(metrics.CONTAINER_CPU, name): amount for name, amount in used.items()})])

    found = consumers(run, metrics.CONTAINER_CPU, total=5000.0, most=most)

    assert found is not None
    assert sum(amount for _, amount in found.top) + found.others + found.unattributed == pytest.approx(5000.0)
    assert len(found.top) + found.others_count == len(used)
    assert [amount for _, amount in found.top] == [
        amount / 1e6 for amount in sorted(used.values(), reverse=True)[:most]
    ]


def test_what_the_machine_used_is_its_time_but_idle_and_waiting() -> None:
    grown = {metrics.CPU_USER: 300, metrics.CPU_SYSTEM: 200, metrics.CPU_IDLE: 400, metrics.CPU_IOWAIT: 100}

    run = Run("m", [counted({(metric, "all"): amount for metric, amount in grown.items()})])

    assert cpu_seconds_used(run) == 5.0


def test_what_was_not_collected_has_no_consumers() -> None:
    run = Run("m", [])

    assert consumers(run, metrics.CONTAINER_CPU) is None
    assert cpu_seconds_used(run) is None

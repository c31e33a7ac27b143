"""The cost of a process, seen from outside."""

import os
import time

import psutil

from appliance.collect import cost


def test_the_cost_of_a_process_is_what_the_system_counts() -> None:
    began = psutil.Process().create_time()
    before = time.process_time()

    found = cost.of(os.getpid(), began)

    assert found is not None
    # The system counts in ticks of 10 ms.
    assert before - 0.05 <= found.cpu_seconds <= time.process_time() + 0.05
    assert abs(found.memory_bytes - psutil.Process().memory_info().rss) < 10 << 20


def test_a_pid_that_another_process_has_now_is_not_taken_for_the_first() -> None:
    long_ago = psutil.Process().create_time() - 3600

    assert cost.of(os.getpid(), long_ago) is None


def test_a_process_that_is_gone_costs_nothing_that_is_known() -> None:
    gone = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(gone, 0)

    assert cost.of(gone, time.time()) is None

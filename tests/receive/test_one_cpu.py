"""The receiver runs on one CPU at a time, on the one that others use least."""

import os
import threading
import time
from collections.abc import Callable, Mapping

import pytest

from appliance.receive.one_cpu import OneCpu, busy_cpus, place_threads

CPUS = os.sched_getaffinity(0)


class Machine:
    """A machine of two CPUs, whose use is told second by second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: tuple[float, float, float]) -> None:
        """In each second: how long the first CPU was used, how long the second, and how long by us."""
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        self.busy, self.own = {0: 100.0, 1: 500.0}, 7.0
        self.placed: list[set[int]] = []
        self.one_cpu = OneCpu(lambda: dict(self.busy), lambda: self.own, self.placed.append)
        self.one_cpu.look(0)
        for now, (first, second, own) in enumerate(seconds, 1):
            self.busy = {0: self.busy[0] + first, 1: self.busy[1] + second}
            self.own += own
            self.one_cpu.look(now)


def test_it_goes_where_others_do_least(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machine(monkeypatch, (0.6, 0.2, 0.1)).placed == [{1}]


def test_what_it_uses_itself_does_not_drive_it_away(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, (0.6, 0.2, 0.1), (0.1, 1.0, 0.95), (0.1, 0.9, 0.9))

    assert machine.placed == [{1}]


def test_it_leaves_a_cpu_that_others_use_much_more_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, (0.6, 0.2, 0.1), (0.1, 0.3, 0.0), (0.1, 1.0, 0.3), (0.4, 0.5, 0.1))

    assert machine.placed == [{1}, {0}]


def test_it_looks_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, (0.6, 0.2, 0.1))
    machine.busy = {0: 200.0, 1: 600.0}

    machine.one_cpu.look(1.5)

    assert machine.placed == [{1}]


def test_where_nobody_says_how_busy_they_are_it_runs_on_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    placed: list[set[int]] = []

    def unreadable() -> Mapping[int, float]:
        raise PermissionError(13, "Permission denied")

    one_cpu = OneCpu(unreadable, time.process_time, placed.append)
    one_cpu.look(0)
    one_cpu.look(2)

    assert placed == [{0, 1}]


def test_a_single_cpu_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    placed: list[set[int]] = []
    one_cpu = OneCpu(lambda: {3: 1.0}, time.process_time, placed.append)

    one_cpu.look(0)
    one_cpu.look(2)

    assert placed == []


def test_the_machine_says_how_busy_each_cpu_is() -> None:
    before = busy_cpus()

    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass

    assert before.keys() >= CPUS
    assert sum(busy_cpus().values()) > sum(before.values())


@pytest.mark.skipif(len(CPUS) < 2, reason="this machine gives us one CPU only")
def test_all_threads_and_those_they_start_are_placed() -> None:
    told: list[set[int]] = []
    go = threading.Event()

    def tell(then: Callable[[], None]) -> None:
        go.wait(10)
        told.append(os.sched_getaffinity(0))
        then()

    later = threading.Thread(target=tell, args=[lambda: None])
    first = threading.Thread(target=tell, args=[later.start])
    first.start()
    try:
        place_threads({max(CPUS)})
        go.set()
        first.join(10)
        later.join(10)
    finally:
        place_threads(CPUS)

    assert told == [{max(CPUS)}] * 2

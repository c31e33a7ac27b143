"""What happens between two samples is an event of the recording, and not a hole in it."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.collect import loop
from appliance.collect.clocks import Clocks, slept_seconds
from appliance.collect.loop import Counts, Plan
from appliance.collect.recorder import Recorder
from appliance.errors import InputOutput
from appliance.formats import recording
from appliance.recorder_metrics import CLOCK_STEP, LATE_TICKS, LOST_SAMPLES, SUSPENDED, UNSET_TICKS
from appliance.samples import Column


class Machine:
    """A machine whose clocks a test drives: the monotonic one, the wall clock, and how long it slept."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.offset = time.time() - self.now
        self.slept = 0.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += max(0, seconds)
        return False

    def suspend(self, seconds: float) -> None:
        self.offset += seconds
        self.slept += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine()
    monkeypatch.setattr(loop, "clock_offset", lambda: made.offset)
    yield made


def nothing() -> None:
    pass


def record(
    proc: Path, machine: Machine, sink: Callable[[int, bytes], object], changes: list[Callable[[], object]]
) -> Counts:
    """Record at one second, with a change after each sample but the last."""
    left = iter(changes)

    def counting(run: int, lines: bytes) -> object:
        try:
            return sink(run, lines)
        finally:
            next(left, nothing)()

    return loop.record(
        Plan(1, len(changes), "web-1", root=str(proc)), [counting], machine.wait, machine.clock, lambda: machine.slept
    )


def samples(proc: Path, machine: Machine, changes: list[Callable[[], object]]) -> list[list[dict[str, Any]]]:
    taken: list[list[dict[str, Any]]] = []
    record(proc, machine, lambda _, lines: taken.append([json.loads(line) for line in lines.splitlines()]), changes)
    return taken


def events(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(record["measurement"]) for record in records if record["subsystem"] == "perfanalysis[event]"]


def stamps(taken: list[list[dict[str, Any]]]) -> list[float]:
    return [records[0]["timestamp"] - taken[0][0]["timestamp"] for records in taken]


def test_late_ticks_are_one_event_and_no_bunch(proc: Path, machine: Machine) -> None:
    taken = samples(proc, machine, [nothing, lambda: machine.wait(3.5), nothing, nothing, nothing, nothing])

    assert stamps(taken) == [0, 1, 5, 6]
    assert [events(records) for records in taken] == [[], [], [{"kind": "late", "ticks": 3}], []]


def test_a_sleep_is_one_gap_with_its_length_and_no_step_of_the_clock(proc: Path, machine: Machine) -> None:
    taken = samples(proc, machine, [nothing, lambda: machine.suspend(1800), nothing])

    assert stamps(taken) == [0, 1, 1802, 1803]
    assert [events(records) for records in taken] == [[], [], [{"kind": "suspend", "milliseconds": 1_800_000}], []]


@pytest.mark.parametrize("step", [3600, 7, -7, -3600, 86_400 * 365])
def test_a_clock_that_is_set_is_an_event_both_ways(proc: Path, machine: Machine, step: int) -> None:
    def set_clock() -> None:
        machine.offset += step
        # A new run is known by its start in milliseconds.
        time.sleep(0.002)

    taken = samples(proc, machine, [nothing, set_clock, nothing])

    assert stamps(taken) == [0, 1, 2 + step, 3 + step]
    assert [events(records) for records in taken] == [[], [], [{"kind": "clock", "milliseconds": step * 1000}], []]
    new_run = taken[2][0]["subsystem"] == "perfanalysis[meta]"
    assert new_run == (step < 0)


@pytest.mark.parametrize("never_set", [-1_700_000_000, 4_000_000_000])
def test_a_clock_that_was_never_set_is_waited_for(
    proc: Path, tmp_path: Path, machine: Machine, caplog: pytest.LogCaptureFixture, never_set: int
) -> None:
    machine.offset += never_set
    recorder = Recorder(tmp_path / "r.json")
    ticks = 0

    def wait(seconds: float) -> bool:
        nonlocal ticks
        ticks += 1
        if ticks == 4:
            machine.offset -= never_set
        return machine.wait(seconds)

    loop.record(Plan(1, 5, "web-1", root=str(proc)), [recorder.write], wait, machine.clock, lambda: 0.0)
    recorder.close()

    parsed = recording.read(tmp_path / "r.json")
    (part,) = [part for part in parsed.samples if part.group == "event"]
    assert (parsed.count, parsed.warnings) == (3, [])
    assert {column.metric: values.numbers.tolist() for column, values in part.columns.items()} == {
        UNSET_TICKS: [3], CLOCK_STEP: [-never_set * 1000],
    }  # fmt: skip
    (said,) = [message for message in caplog.messages if "clock" in message]
    assert said.endswith(": nothing is recorded until it is set.")


def test_a_clock_that_is_slewed_is_no_event() -> None:
    clocks = Clocks(1000.0, 0.0)

    assert [list(clocks.events(1000.0 + number * 0.4, 0.0)) for number in range(100)] == [[]] * 100


def test_the_time_asleep_is_known_on_this_machine() -> None:
    assert slept_seconds() >= -0.01


def test_a_full_disk_is_waited_for_and_the_loss_is_an_event(
    proc: Path, tmp_path: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path / "r.json")
    full = False

    def fill(state: bool) -> Callable[[], None]:
        def change() -> None:
            nonlocal full
            full = state

        return change

    def sink(run: int, lines: bytes) -> bool:
        if full:
            raise InputOutput("r.json cannot be written: No space left on device.")
        return recorder.write(run, lines)

    counts = record(proc, machine, sink, [nothing, fill(True), nothing, nothing, fill(False), nothing])
    recorder.close()

    parsed = recording.read(tmp_path / "r.json")
    assert (counts.samples, counts.lost, parsed.count, parsed.warnings) == (7, 3, 4, [])
    lost = [part.columns[Column(LOST_SAMPLES, "")].numbers.tolist() for part in parsed.samples if part.group == "event"]
    assert lost == [[3]]
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "r.json cannot be written: No space left on device. Samples are lost until it can.",
        "Samples are recorded again; 3 were lost.",
    ]


def test_a_disk_that_is_full_from_the_start_is_an_error(proc: Path, machine: Machine) -> None:
    recorder = Recorder(Path("/dev/full"))

    with pytest.raises(InputOutput, match="No space left on device"):
        record(proc, machine, recorder.write, [nothing])


def test_what_does_not_change_is_told_again_after_a_loss(proc: Path, machine: Machine) -> None:
    taken: list[bytes] = []

    def sink(_: int, lines: bytes) -> None:
        taken.append(lines)
        if len(taken) in {2, 3}:
            raise InputOutput("full.")

    record(proc, machine, sink, [nothing] * 4)

    assert [lines.count(b"perfanalysis[meta]") for lines in taken] == [1, 0, 1, 1, 0]
    assert [lines.count(b"/proc/cpuinfo") > 0 for lines in taken] == [True, False, True, True, False]


def test_events_are_numbers_on_the_reading_side(proc: Path, tmp_path: Path, machine: Machine) -> None:
    recorder = Recorder(tmp_path / "r.json")

    def happen() -> None:
        machine.suspend(60)
        machine.offset += 5
        machine.wait(2.5)

    record(proc, machine, recorder.write, [nothing, happen, nothing, nothing, nothing])
    recorder.close()

    (part,) = [part for part in recording.read(tmp_path / "r.json").samples if part.group == "event"]
    assert {column.metric: values.numbers.tolist() for column, values in part.columns.items()} == {
        LATE_TICKS: [2], SUSPENDED: [60_000], CLOCK_STEP: [5_000],
    }  # fmt: skip
    assert len(part.at_ms) == 1


def test_the_recorder_tells_its_own_cost_and_what_else_it_is_given(proc: Path, machine: Machine) -> None:
    taken: list[dict[str, Any]] = []

    def sink(_: int, lines: bytes) -> None:
        taken.extend(json.loads(line) for line in lines.splitlines())

    loop.record(
        Plan(1, 70, "web-1", root=str(proc)),
        [sink],
        machine.wait,
        machine.clock,
        lambda: 0.0,
        lambda: {"spool_bytes": 7},
    )

    own = [json.loads(record["measurement"]) for record in taken if record["subsystem"] == "perfanalysis[self]"]
    assert [record["samples"] for record in own] == [0, 10, 20, 30, 40, 50, 60, 70]
    assert {record["spool_bytes"] for record in own} == {7}
    assert [number for number, record in enumerate(own) if "sources" in record] == [0, 6]
    assert own[6]["sources"]["/proc/stat"]["ns"] > own[0]["sources"]["/proc/stat"]["ns"]
    assert [record["cpu_us"] for record in own] == sorted(record["cpu_us"] for record in own)

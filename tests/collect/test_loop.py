"""The loop: whole samples at each tick, a source that fails costs itself only."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from people import People

from appliance.analysis.run import Run
from appliance.collect import loop
from appliance.collect.loop import Counts, Plan
from appliance.formats import recording
from appliance.metrics import CPU_IDLE, DISK_WRITTEN_BYTES

NO_TIME = 0.01


class Clock:
    """A monotonic clock that goes on only when it is waited for, so that a busy machine makes no tick late."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += max(0, seconds)
        return False


def sample(
    root: Path, changes: list[Callable[[], object]], interval: float = 0.2, clock: Clock | None = None
) -> tuple[Counts, list[Any]]:
    """Take one sample more than there are changes, each made between two; return the records of each sample."""
    samples: list[Any] = []
    clock = clock or Clock()

    def sink(_: int, lines: bytes) -> None:
        samples.append([json.loads(line) for line in lines.splitlines()])
        if len(samples) <= len(changes):
            changes[len(samples) - 1]()

    counts = loop.record(
        Plan(interval, interval * len(changes) or interval / 2, "web-1", "Web", str(root)), [sink], clock.wait, clock
    )
    return counts, samples


def really(seconds: float) -> bool:
    time.sleep(max(0, seconds))
    return False


def subsystems(records: list[dict[str, Any]]) -> list[str]:
    return [record["subsystem"] for record in records]


def nothing() -> None:
    pass


def test_a_run_begins_with_what_it_is_and_what_does_not_change(proc: Path) -> None:
    before = int(time.time() * 1000)

    counts, (first, second) = sample(proc, [nothing])

    assert counts.samples == 2
    assert subsystems(first)[:3] == ["perfanalysis[meta]", "/proc/cpuinfo", "/proc/stat"]
    assert subsystems(second)[0] == "/proc/stat"
    meta = json.loads(first[0]["measurement"])
    assert before <= meta["run"] <= time.time() * 1000
    assert (meta["machine_id"], meta["machine_name"], meta["interval_seconds"]) == ("web-1", "Web", 0.2)
    assert meta["boot_id"] == "11111111-2222-3333-4444-555555555555"


def test_all_records_of_a_sample_share_its_time_and_samples_are_an_interval_apart(proc: Path) -> None:
    _, samples = sample(proc, [nothing] * 4)

    times = [{record["timestamp"] for record in records} for records in samples]
    assert [len(each) for each in times] == [1] * 5
    first = min(times[0])
    assert [round(min(each) - first, 3) for each in times] == [0, 0.2, 0.4, 0.6, 0.8]


def test_a_source_that_vanishes_costs_itself_only_and_comes_back(proc: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = (proc / "loadavg").read_text()

    counts, samples = sample(
        proc, [(proc / "loadavg").unlink, nothing, lambda: bool((proc / "loadavg").write_text(text)) and None]
    )

    assert [("/proc/loadavg" in subsystems(records)) for records in samples] == [True, False, False, True]
    assert len(samples[2]) == len(samples[3]) - 2 == len(samples[1]) - 1
    told = [message for message in caplog.messages if "loadavg" in message]
    assert told == ["/proc/loadavg is not recorded: No such file or directory.", "/proc/loadavg is recorded again."]
    # Loadavg twice; irq pressure, which this kernel does not have, is no loss.
    assert counts.unread == 2
    told_of = [
        json.loads(record["measurement"])["not_collected"].get("/proc/loadavg")
        for records in samples for record in records if record["subsystem"] == "perfanalysis[sources]"
    ]  # fmt: skip
    assert told_of == [None, "No such file or directory", None]


def test_a_source_that_this_kernel_never_had_is_no_warning(proc: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    sample(proc, [nothing])

    assert ("INFO", "/proc/pressure/irq is not recorded: No such file or directory.") in [
        (record.levelname, record.message) for record in caplog.records
    ]
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_a_source_that_may_not_be_read_is_a_warning(proc: Path, caplog: pytest.LogCaptureFixture) -> None:
    (proc / "uptime").unlink()
    (proc / "uptime").mkdir()

    _, samples = sample(proc, [])

    assert "/proc/uptime" not in subsystems(samples[0])
    assert caplog.messages == ["/proc/uptime is not recorded: Is a directory."]


def test_ticks_that_come_too_late_are_counted_and_not_made_up_for(proc: Path) -> None:
    clock = Clock()

    counts, samples = sample(proc, [lambda: clock.wait(0.9), *[nothing] * 4], interval=0.4, clock=clock)

    stamps = [records[0]["timestamp"] for records in samples]
    assert [round(stamp - stamps[0], 3) for stamp in stamps] == [0, 1.2, 1.6, 2]
    assert (counts.samples, counts.late) == (4, 2)


def test_nothing_drifts(proc: Path) -> None:
    clock = Clock()
    started = clock()

    counts, samples = sample(proc, [lambda: clock.wait(0.002)] * 50, interval=0.02, clock=clock)

    assert (counts.samples, counts.late) == (51, 0)
    assert samples[-1][0]["timestamp"] - samples[0][0]["timestamp"] == pytest.approx(1)
    # The first tick is at the next whole millisecond.
    assert clock() - started == pytest.approx(1, abs=0.01)


def test_it_stops_when_told_to(proc: Path) -> None:
    taken: list[bytes] = []

    counts = loop.record(
        Plan(NO_TIME, 0, "web-1", root=str(proc)), [lambda _, lines: taken.append(lines)], lambda _: len(taken) == 3
    )

    assert counts.samples == len(taken) == 3


def test_a_clock_that_is_set_back_begins_a_new_run(proc: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The wall clock is the one thing that a test cannot set without setting the machine's."""
    offset = loop.clock_offset()
    offsets = iter([offset, offset, offset, offset - 3600, offset - 3600])
    monkeypatch.setattr(loop, "clock_offset", lambda: next(offsets))
    path = tmp_path / "recording.json"
    clock = Clock()
    with path.open("wb") as file:
        runs: list[int] = []

        def sink(run: int, lines: bytes) -> None:
            runs.append(run)
            file.write(lines)
            time.sleep(0.002)

        loop.record(Plan(0.2, 0.6, "web-1", root=str(proc)), [sink], clock.wait, clock)

    parsed = recording.read(path)

    assert runs[0] == runs[1] != runs[2] == runs[3]
    assert parsed.count == 4
    assert {part.run for part in parsed.samples} == set(runs)


def test_a_recording_of_this_machine_gives_true_rates(tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    with path.open("wb") as file:
        loop.record(Plan(2, 6, "web-1"), [lambda _, lines: file.write(lines)], really)

    parsed = recording.read(path)
    run = Run("web-1", parsed.samples, parsed.facts)

    assert (parsed.count, parsed.warnings) == (4, [])
    assert parsed.facts["cpuinfo"]["total_cpus"] >= 1
    idle = run.rates(CPU_IDLE)
    assert len(idle) == 4
    assert idle.iloc[0].isna().all()
    assert 0 <= idle["all"].iloc[1:].min() <= idle["all"].iloc[1:].max()
    assert (run.rates(DISK_WRITTEN_BYTES).iloc[1:] >= 0).all().all()


def test_arguments_of_processes_are_recorded_only_if_the_plan_says_so(proc: Path) -> None:
    People(proc).be(7, "mysql", arguments=b"mysql\0-psecret\0-h\0db\0")

    silent, telling = (
        loop.take_one(Plan(1, 0, "web-1", root=str(proc), process_args=wanted)) for wanted in (False, True)
    )

    assert b"-h db" not in silent
    assert b"mysql -p*** -h db" in telling

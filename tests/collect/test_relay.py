"""A source that hangs costs its own readings only: another thread goes on without it, until it answers."""

import fcntl
import json
import os
import random
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.collect import loop, relay
from appliance.collect.loop import Counts, Plan
from appliance.collect.readings import Readings
from appliance.collect.recorder import Recorder
from appliance.collect.sources import Source
from appliance.collect.troubles import Troubles
from appliance.errors import InputOutput


def hang(path: Path) -> None:
    """Put a pipe in the place of a file: whoever opens it waits for somebody to write to it."""
    path.unlink()
    os.mkfifo(path)


def answer(path: Path, text: str) -> None:
    """Let whoever waits at a pipe go on, and put a file in its place."""
    # For both: who only writes would wait for somebody who reads.
    os.close(os.open(path, os.O_RDWR))
    path.unlink()
    path.write_text(text)


def samplers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sampler"]


def until_one_is_left() -> None:
    """Wait until those that were left behind are gone: who calls is the one that goes on."""
    for thread in samplers():
        if thread is not threading.current_thread():
            thread.join(10)
            assert not thread.is_alive()


def recorded(proc: Path, changes: list[Callable[[], object]]) -> tuple[Counts, list[dict[str, str]]]:
    """Take a sample before and after each change; return each sample's texts by subsystem."""
    taken: list[dict[str, str]] = []
    now, left = [time.monotonic()], iter(changes)

    def wait(seconds: float) -> bool:
        now[0] += max(0, seconds)
        return False

    def sink(_: int, lines: bytes) -> None:
        records: list[dict[str, Any]] = [json.loads(line) for line in lines.splitlines()]
        assert len({record["timestamp"] for record in records}) == 1
        taken.append({record["subsystem"]: record["measurement"] for record in records})
        next(left, nothing)()

    counts = loop.record(Plan(1, len(changes), "web-1", root=str(proc)), [sink], wait, lambda: now[0])
    return counts, taken


def nothing() -> None:
    pass


def test_a_source_that_hangs_costs_its_own_readings_and_comes_back(
    proc: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meminfo, text = proc / "meminfo", (proc / "meminfo").read_text()
    answered = [lambda: answer(meminfo, text), until_one_is_left]

    counts, taken = recorded(
        proc, [nothing, lambda: hang(meminfo), nothing, nothing, lambda: [act() for act in answered], nothing]
    )

    assert [("/proc/meminfo" in sample) for sample in taken] == [True, True, False, False, False, True, True]
    others = set(taken[1]) - {"/proc/meminfo"}
    assert all(set(sample) >= others for sample in taken)
    assert (counts.samples, counts.late, counts.unread) == (7, 0, 3)
    assert json.loads(taken[2]["perfanalysis[sources]"])["not_collected"]["/proc/meminfo"] == "it does not answer"
    assert "/proc/meminfo" not in json.loads(taken[5]["perfanalysis[sources]"])["not_collected"]
    assert [message for message in caplog.messages if "meminfo" in message] == [
        "/proc/meminfo is not recorded: it does not answer.", "/proc/meminfo is recorded again.",
    ]  # fmt: skip


def test_several_that_hang_have_a_thread_each_and_no_more(proc: Path) -> None:
    names, texts = ("stat", "meminfo", "uptime"), {}
    most: list[int] = []

    def hang_all() -> None:
        for name in names:
            texts[name] = (proc / name).read_text()
            hang(proc / name)

    def answer_all() -> None:
        for name in names:
            answer(proc / name, texts[name])
        until_one_is_left()

    before = len(samplers())
    count: Callable[[], object] = lambda: most.append(len(samplers()) - before)  # noqa: E731
    _, taken = recorded(proc, [hang_all, count, count, count, answer_all])

    assert most == [4, 4, 4]
    missing = [{"/proc/" + name for name in names} - set(sample) for sample in taken]
    assert missing == [set(), *[{"/proc/" + name for name in names}] * 4, set()]


def test_a_recording_ends_although_a_source_hangs(proc: Path) -> None:
    text = (proc / "meminfo").read_text()

    _, taken = recorded(proc, [lambda: hang(proc / "meminfo"), nothing])

    assert [("/proc/meminfo" in sample) for sample in taken] == [True, False, False]
    answer(proc / "meminfo", text)
    until_one_is_left()


def test_a_single_sample_is_taken_although_a_source_hangs(proc: Path) -> None:
    text = (proc / "diskstats").read_text()
    hang(proc / "diskstats")

    taken = loop.take_one(Plan(1, 0, "web-1", root=str(proc)))

    assert b"/proc/stat" in taken
    assert b"/proc/vmstat" in taken
    answer(proc / "diskstats", text)
    until_one_is_left()


def read_by(question: Callable[[], str], limit_seconds: float) -> tuple[Readings, list[str]]:
    """Let a relay read a source until it answered or was left behind."""
    readings = Readings([Source("x", question, limit_seconds=limit_seconds)], Troubles(), {})
    readings.begin("")
    relay.run(readings.read, readings)
    return readings, readings.lines


def test_one_that_has_much_to_do_is_not_stuck() -> None:
    def busy() -> str:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            pass
        return "done"

    readings, lines = read_by(busy, 0.05)

    assert (len(lines), readings.troubles.counts) == (1, {})


def test_control_one_that_waits_as_long_is_left_behind() -> None:
    free = threading.Event()

    readings, lines = read_by(lambda: str(free.wait(10)), 0.05)

    assert (len(lines), readings.troubles.counts) == (0, {"x": 1})
    free.set()
    until_one_is_left()


def test_a_proc_that_hangs_as_a_whole_costs_its_readings(proc: Path) -> None:
    files = [path for path in proc.rglob("*") if path.is_file()]
    for file in files:
        hang(file)

    taken = loop.take_one(Plan(1, 0, "web-1", root=str(proc)))

    subsystems = [json.loads(line)["subsystem"] for line in taken.splitlines()]
    assert subsystems[0] == "perfanalysis[meta]"
    assert not {"/proc/stat", "/proc/meminfo", "/proc/net/dev"} & set(subsystems)
    assert "timex[*]" in subsystems
    for file in files:
        answer(file, "")


def test_what_was_said_too_late_is_said_again() -> None:
    free, forgotten = threading.Event(), []
    source = Source("x", lambda: str(free.wait(10)), lambda: forgotten.append(1), 0.05)
    readings = Readings([source], Troubles(), {})
    readings.begin("")
    relay.run(readings.read, readings)
    early = list(forgotten)

    free.set()
    until_one_is_left()
    readings.begin("")
    again = readings.read()

    assert (early, forgotten, again, len(readings.lines)) == ([], [1], True, 1)


def test_a_source_with_patience_of_its_own_is_given_time() -> None:
    free = threading.Event()
    threading.Timer(0.3, free.set).start()

    readings, lines = read_by(lambda: str(free.wait(10)), 10)

    assert (len(lines), readings.troubles.counts) == (1, {})


def test_whenever_a_source_answers_each_reading_is_told_once_or_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that take about as long as they may: they answer while somebody looks, and while another goes on."""
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.002)
    chance, samples, sources = random.Random(1), 150, 6
    inside, twice = set[int](), []
    taken: list[list[str]] = []

    def source(number: int) -> Source:
        def read() -> str:
            twice.extend({number} & inside)
            inside.add(number)
            if chance.random() < 0.3:
                time.sleep(chance.choice((0.0015, 0.002, 0.003, 0.004, 0.006, 0.03)))
            inside.discard(number)
            return f"{number}"

        return Source(f"s{number}", read, limit_seconds=0.003)

    readings = Readings([source(number) for number in range(sources)], Troubles(), {})

    def work() -> bool:
        while len(taken) < samples:
            if readings.start != f"{len(taken)}:":
                readings.begin(f"{len(taken)}:")
            if not readings.read():
                return False
            taken.append(readings.lines)
        return True

    relay.run(work, readings)

    assert twice == []
    assert all(line.startswith(f"{at}:") for at, lines in enumerate(taken) for line in lines)
    assert all(len(set(lines)) == len(lines) for lines in taken)
    assert sum(map(len, taken)) + readings.troubles.count == samples * sources
    assert readings.troubles.count > 0


def test_where_there_is_no_further_thread_one_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit of the system would hold for the tests as well."""
    left, begin = [2], threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if left[0]:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)

    _, lines = read_by(lambda: "text", 10)

    assert (len(lines), len(caplog.messages)) == (1, 1)


def test_what_a_sampler_raises_is_raised() -> None:
    def work() -> bool:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        relay.run(work, Readings([], Troubles(), {}))


def test_a_disk_that_hangs_is_said_and_what_was_late_is_told_when_it_answers(
    proc: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "HANGING_LOOKS", 3)
    reader, writer = os.pipe()
    taken: list[bytes] = []
    stop = threading.Event()

    def sink(_: int, lines: bytes) -> None:
        taken.append(lines)
        if len(taken) == 2:
            # As a write to a dead mount: it comes back only when the other side answers.
            os.read(reader, 1)

    def mend() -> None:
        while "cannot be written" not in caplog.text:
            time.sleep(0.02)
        time.sleep(0.3)
        os.write(writer, b"x")
        while len(taken) < 4:
            time.sleep(0.02)
        stop.set()

    mending = threading.Thread(target=mend)
    mending.start()
    counts = loop.record(Plan(0.1, 0, "web-1", root=str(proc)), [sink], lambda seconds: stop.wait(max(0, seconds)))
    mending.join()

    os.close(reader)
    os.close(writer)
    assert counts.lost == 0
    assert counts.late >= 2
    assert b'{\\"kind\\": \\"late\\"' in taken[2]
    assert caplog.text.count("A sample cannot be written: the disk does not answer.") == 1


def test_a_recorder_whose_file_hangs_can_be_stopped(
    proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HANGING_LOOKS", 3)
    os.mkfifo(tmp_path / "recording.json")
    recorder = Recorder(tmp_path / "recording.json")
    # A pipe that nobody reads: when it is full, which is soon, a write waits.
    fcntl.fcntl(recorder.descriptor, fcntl.F_SETPIPE_SZ, 4096)

    def wait(seconds: float) -> bool:
        time.sleep(max(0, seconds))
        return recorder.writing

    try:
        with pytest.raises(InputOutput, match="stopped while the disk did not answer"):
            loop.record(Plan(0.1, 0, "web-1", root=str(proc)), [recorder.write], wait)
        recorder.close()
        left_open = os.fstat(recorder.descriptor)
    finally:
        os.set_blocking(recorder.descriptor, False)
        os.read(recorder.descriptor, 4096)
        until_one_is_left()
        recorder.close()

    assert stat.S_ISFIFO(left_open.st_mode)

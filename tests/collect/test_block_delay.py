"""How long processes waited for disks, by option: summed from /proc/PID/stat, and never a 0 that was not counted."""

import json
from pathlib import Path

import pytest

from appliance import hardware_metrics
from appliance.collect import loop
from appliance.collect.sources import NOT_NOW, block_delay
from appliance.collect.sources.block_delay import Delays
from appliance.measurement import from_object
from appliance.metrics import Group
from appliance.samples import from_measurements

SOON = 1000


def process(proc: Path, pid: int, ticks: int, start: int = 500, name: str = "postgres") -> None:
    """Write /proc/PID/stat as Linux 6.1 does."""
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(
        f"{pid} ({name}) S 1 {pid} {pid} 0 -1 4194560 17654 0 112 0 931 405 0 0 20 0 1 0 {start} 224501760 7022 "
        "18446744073709551615 94163186540544 94163194312277 140722390270448 0 0 0 4194304 19935232 84487 0 0 0 "
        f"17 1 0 0 {ticks} 0 0 94163196589560 94163196817704 94163214839808 140722390277041 0 0 0 0\n"
    )


@pytest.fixture
def counting(proc: Path) -> Path:
    """A /proc whose kernel counts, with two processes."""
    (proc / "sys/kernel/task_delayacct").write_text("1\n")
    process(proc, 1, 210, 2, "systemd")
    process(proc, 812, 4000, name="odd ) name")
    return proc


def test_waits_are_summed_from_the_first_look_on(counting: Path) -> None:
    delays = Delays(str(counting))
    first = delays.sample(SOON)
    process(counting, 1, 215, 2)
    process(counting, 812, 4020)

    second = delays.sample(SOON)

    assert first == {"ticks": 0, "processes": 2, "not_looked_at": 0}
    assert second == {"ticks": 25, "processes": 2, "not_looked_at": 0}


def test_the_sum_never_falls_when_processes_come_and_go(counting: Path) -> None:
    delays = Delays(str(counting))
    delays.sample(SOON)
    (counting / "1" / "stat").unlink()
    (counting / "1").rmdir()
    process(counting, 812, 7, start=9000)
    process(counting, 900, 30, start=9001)

    assert delays.sample(SOON) == {"ticks": 37, "processes": 2, "not_looked_at": 0}
    assert delays.sample(SOON)["ticks"] == 37


def test_one_that_could_not_be_looked_at_has_not_waited_all_it_ever_did_just_now(counting: Path) -> None:
    (counting / "812" / "stat").write_text("812 (postgres) S\n")
    delays = Delays(str(counting))
    delays.sample(SOON)
    process(counting, 812, 4000)

    assert delays.sample(SOON)["ticks"] == 0
    process(counting, 812, 4003)
    assert delays.sample(SOON)["ticks"] == 3


def test_of_many_processes_some_are_looked_at_each_time_and_none_is_forgotten(counting: Path) -> None:
    for pid in range(1000, 1008):
        process(counting, pid, 10)
    delays = Delays(str(counting))
    left = [delays.sample(4)["not_looked_at"] for _ in range(3)]
    for pid in range(1000, 1008):
        process(counting, pid, 11)

    sums = [delays.sample(4)["ticks"] for _ in range(3)]

    assert left == [6, 2, 0]
    assert sums == [2, 6, 8]


def test_a_kernel_that_does_not_count_is_not_collected_and_no_zero(counting: Path) -> None:
    (counting / "sys/kernel/task_delayacct").write_text("0\n")

    sample = loop.take_one(loop.Plan(1, 0, "m", root=str(counting), optional=("block-delay",)))

    lines = {line["subsystem"]: line["measurement"] for line in map(json.loads, sample.splitlines())}
    assert "block_delay[*]" not in lines
    why = json.loads(lines["perfanalysis[sources]"])["not_collected"]["block_delay[*]"]
    assert "kernel.task_delayacct is 0" in why


def test_what_was_waited_while_nobody_counted_is_not_added(counting: Path) -> None:
    delays = Delays(str(counting))
    delays.sample(SOON)
    (counting / "sys/kernel/task_delayacct").write_text("0\n")
    with pytest.raises(OSError, match="does not count"):
        delays.sample(SOON)
    (counting / "sys/kernel/task_delayacct").write_text("1\n")
    process(counting, 812, 9000)

    assert delays.sample(SOON)["ticks"] == 0


def test_an_older_kernel_counts_if_any_process_waited(counting: Path) -> None:
    (counting / "sys/kernel/task_delayacct").unlink()
    assert Delays(str(counting)).sample(SOON)["processes"] == 2
    process(counting, 1, 0)
    process(counting, 812, 0)

    with pytest.raises(OSError, match="no process waited for a disk yet, or the kernel does not count it"):
        Delays(str(counting)).sample(SOON)


def test_waits_are_read_back_in_seconds(counting: Path) -> None:
    times = iter([0.0, 0.5, 1.0])
    source = block_delay.source(str(counting), lambda: next(times))
    texts = [source.read(), source.read()]
    process(counting, 812, 4150)
    texts.append(source.read())

    measurements = [
        from_object({"timestamp": 1_767_970_000 + at, "subsystem": source.subsystem, "measurement": text})
        for at, text in enumerate(texts)
        if text is not NOT_NOW
    ]
    (samples,) = from_measurements(measurements, "m").samples
    numbers = {column.metric: values.numbers.tolist() for column, values in samples.columns.items()}
    assert texts[1] is NOT_NOW
    assert samples.group is Group.KERNEL
    assert numbers[hardware_metrics.BLOCK_DELAY_TIME] == [0, 150]
    assert hardware_metrics.BLOCK_DELAY_TIME.per_unit == 100
    assert numbers[hardware_metrics.BLOCK_DELAY_PROCESSES] == [2, 2]

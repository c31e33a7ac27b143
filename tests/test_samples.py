import json
from pathlib import Path

import numpy as np
import pytest

from appliance import metrics
from appliance.errors import BadData, InvalidMachineId
from appliance.formats import recording
from appliance.machine import check_machine_id
from appliance.measurement import META, Measurement
from appliance.metrics import Group
from appliance.samples import Column, Samples, Values, from_measurements, join

LOAD = "0.06 0.09 0.03 1/79 3511\n"


def at(timestamp: float, subsystem: str = "/proc/loadavg", text: str = LOAD) -> Measurement:
    return Measurement(timestamp, subsystem, text)


def test_measurements_become_columns_in_order_of_time() -> None:
    parsed = from_measurements([at(1700000005, text="2.00 0 0 1/1 1"), at(1700000000)], "m")

    (samples,) = parsed.samples
    assert samples.at_ms.tolist() == [1700000000000, 1700000005000]
    assert samples.columns[Column(metrics.LOAD_1, "")].numbers.tolist() == [6, 200]


def test_a_device_that_is_not_always_there_is_missing_and_not_zero() -> None:
    first = "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
    both = first + "8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\n"

    (samples,) = from_measurements(
        [at(1700000000, "/proc/diskstats", first), at(1700000005, "/proc/diskstats", both)], "m"
    ).samples

    values = samples.columns[Column(metrics.DISK_READS, "sdb")]
    assert values.present is not None
    assert values.present.tolist() == [False, True]


def test_a_meta_record_begins_a_run_and_names_the_machine() -> None:
    meta = json.dumps({"run": 42, "machine_id": "web-1"})

    parsed = from_measurements([Measurement(1700000000, META, meta), at(1700000000)], "")

    assert (parsed.samples[0].machine, parsed.samples[0].run) == ("web-1", 42)


def test_unknown_subsystems_are_counted_and_not_an_error() -> None:
    parsed = from_measurements([at(1700000000), at(1700000000, "/proc/new", "x")], "m")

    assert "1 measurement was left out, of unknown subsystems" in parsed.warnings[0]
    assert parsed.count == 1


@pytest.mark.parametrize(
    ("subsystem", "text"),
    [
        ("/proc/stat", "cpu  x y\n"),
        ("/proc/loadavg", ""),
        ("/proc/stat", f"cpu  {2**70} 0\n"),
        (META, "[]"),
        ("container/docker/1", "{}"),
    ],
)
def test_a_measurement_that_does_not_parse_is_named(subsystem: str, text: str) -> None:
    with pytest.raises(BadData, match="Measurement 2, "):
        from_measurements([at(1700000000), at(1700000005, subsystem, text)], "m")


@pytest.mark.parametrize("machine", ["", "../x", "a" * 65, "a b", "-a", ".a", "a/b", "é", "a\n"])
def test_machine_ids_that_could_be_anything_else_are_refused(machine: str) -> None:
    with pytest.raises(InvalidMachineId, match="1 to 64 letters"):
        check_machine_id(machine)


def test_every_recording_is_read_whole(recordings: Path) -> None:
    counted = {path.parent.name: recording.read(path).count for path in sorted(recordings.glob("*/host.json"))}

    assert counted == {
        "azure_b1s_cpu_then_io": 180,
        "azure_d4s_diskload_containers": 60,
        "azure_d4s_idle_cpuinfo": 18,
        "azure_d4s_idle_short": 18,
        "azure_f2s_suse_onecore": 131,
        "oci_e5_cpu_containers": 126,
        "oci_e5_vm01_dm_swap": 132,
    }


def test_samples_can_be_cut_without_their_empty_columns() -> None:
    both = "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\n"
    (samples,) = from_measurements(
        [at(1700000000, "/proc/diskstats", both[:32]), at(1700000005, "/proc/diskstats", both)], "m"
    ).samples

    first = samples.take(np.array([0]))

    assert first.group is Group.DISK
    assert {column.instance for column in first.columns} == {"sda"}


@pytest.mark.parametrize(
    ("subsystem", "text", "sentence"),
    [
        ("/proc/meminfo", "MemTotal: x kB\n", "'x' is not a whole number."),
        ("/proc/loadavg", "a b c 1/2 3\n", "is not a "),
        ("/proc/loadavg", "0.1\n", "it has too few fields."),
        ("/proc/uptime", "long\n", "'long' is not a number."),
        ("/proc/uptime", "infinity\n", "infinity"),
        (META, "{", "it is not JSON."),
    ],
)
def test_what_a_parser_stumbles_over_is_said_in_words(subsystem: str, text: str, sentence: str) -> None:
    with pytest.raises(BadData) as raised:
        from_measurements([at(1700000000), at(1700000000, subsystem, text)], "m")

    assert raised.value.message.startswith(f"Measurement 2, '{subsystem}' at 1700000000, cannot be read: ")
    assert sentence in raised.value.message
    assert "literal" not in raised.value.message


@pytest.mark.parametrize("later", [10_000, 2_500], ids=["after", "within"])
def test_parts_are_joined_on_one_axis_of_time(later: int) -> None:
    first, second = (
        Samples("m", 1, Group.LOAD, np.arange(3) * 1000 + start, {Column(metrics.LOAD_1, ""): Values(numbers)})
        for start, numbers in ((0, np.array([1, 2, 3])), (later, np.array([4, 5, 6])))
    )

    joined = join([first, second])

    assert joined.at_ms.tolist() == sorted([0, 1000, 2000, later, later + 1000, later + 2000])
    assert joined.columns[Column(metrics.LOAD_1, "")].numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert joined.columns[Column(metrics.LOAD_1, "")].present is None


def test_where_parts_overlap_the_later_has_the_word() -> None:
    first, second = (
        Samples("m", 1, Group.LOAD, np.arange(3) * 1000 + start, {Column(metrics.LOAD_1, ""): Values(numbers)})
        for start, numbers in ((0, np.array([1, 2, 3])), (2000, np.array([4, 5, 6])))
    )

    joined = join([first, second])

    assert joined.columns[Column(metrics.LOAD_1, "")].numbers.tolist() == [1, 2, 4, 5, 6]

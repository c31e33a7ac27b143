"""The sar-style tree: with `compat` what the original wrote, by default every row that is true."""

import csv
from pathlib import Path

import numpy as np
import pytest

from appliance import metrics
from appliance.analysis.run import Run
from appliance.formats import recording, sar_tree
from appliance.metrics import Group, Metric
from appliance.samples import Column, Samples, Values

WITH_ORIGINALS = [
    "azure_b1s_cpu_then_io",
    "azure_d4s_diskload_containers",
    "azure_d4s_idle_cpuinfo",
    "azure_d4s_idle_short",
    "oci_e5_cpu_containers",
    "oci_e5_vm01_dm_swap",
]
RATES, INSTANTS = ("proc/stat", "proc/diskstats", "proc/net/dev"), ("proc/meminfo", "statfs_ALL")
START_MS = 1_704_067_200_000


def run_of(recordings: Path, name: str) -> Run:
    parsed = recording.read(recordings / name / "host.json")
    return Run(name, parsed.samples, parsed.facts)


def tree(run: Run, *, compat: bool = False) -> dict[str, str]:
    return {path: "".join(lines) for path, lines in sar_tree.files(run, compat=compat)}


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))[1:]


@pytest.mark.parametrize("name", WITH_ORIGINALS)
def test_compat_writes_what_the_original_wrote(recordings: Path, name: str) -> None:
    original = recordings / name / "pcprocess_csv"
    paths = [str(path.relative_to(original)) for path in sorted(original.rglob("*")) if path.is_file()]

    written = tree(run_of(recordings, name), compat=True)

    assert sorted(written) == paths
    for path in paths:
        expected = (original / path).read_text()
        if path == "proc/net/dev":
            # The original gives the interfaces of a sample in random order; here they are in that of the file.
            assert sorted(written[path].splitlines()) == sorted(expected.splitlines())
            assert [row[0] for row in rows(written[path])] == [row[0] for row in rows(expected)]
        else:
            assert written[path] == expected


@pytest.mark.parametrize("name", [*WITH_ORIGINALS, "azure_f2s_suse_onecore"])
def test_the_default_has_every_row_that_is_true(recordings: Path, name: str) -> None:
    run = run_of(recordings, name)

    written = tree(run)

    times = {path: sorted({row[0] for row in rows(written[path])}) for path in (*RATES, *INSTANTS)}
    every = [str(at // 1000) for at in run.at_ms.tolist()]
    assert all(times[path] == every[1:] for path in RATES)
    assert all(times[path] == every for path in INSTANTS)


@pytest.mark.parametrize("name", WITH_ORIGINALS)
def test_rows_that_both_have_agree(recordings: Path, name: str) -> None:
    """All but the first of the original, which is over two intervals."""
    run = run_of(recordings, name)

    true, original = tree(run), tree(run, compat=True)

    for path in RATES:
        expected = {tuple(row[:2]): row[2:] for row in rows(original[path])}
        found = {tuple(row[:2]): row[2:] for row in rows(true[path])}
        first = min(at for at, _ in expected)
        later = [key for key in expected if key[0] != first]
        assert later
        assert [found[key] for key in later] == [expected[key] for key in later]


def test_two_runs_write_the_same_bytes(recordings: Path) -> None:
    first, second = (tree(run_of(recordings, "oci_e5_cpu_containers")) for _ in range(2))

    assert first == second


def test_there_is_no_file_of_what_was_not_recorded(recordings: Path) -> None:
    parsed = recording.read(recordings / "oci_e5_cpu_containers" / "containers.json")

    assert tree(Run("m", parsed.samples, parsed.facts)) == {}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (100.0, "100"),
        (999999.0, "999999"),
        (4213072.0, "4.213072e+06"),
        (1e6, "1e+06"),
        (1.5e21, "1.5e+21"),
        (0.0001, "0.0001"),
        (1.1368683772161603e-12, "1.1368683772161603e-12"),
        (13510960, "13510960"),
        (None, ""),
    ],
)
def test_numbers_are_written_as_go_does(number: float | None, text: str) -> None:
    assert sar_tree.number_text(number) == text


# Machines that are made: a sample each 10 s.


def counters(metric: Metric, **instances: list[int | None]) -> dict[Column, Values]:
    return {
        Column(metric, instance): Values(
            np.array([number or 0 for number in numbers]), np.array([number is not None for number in numbers])
        )
        for instance, numbers in instances.items()
    }


def made(group: Group, columns: dict[Column, Values], boots: list[int] | None = None) -> Run:
    at_ms = START_MS + 10_000 * np.arange(len(next(iter(columns.values())).numbers))
    samples = [Samples("m", 0, group, at_ms, columns)]
    if boots is not None:
        booted = {Column(metrics.BOOT_TIME, ""): Values(np.array(boots))}
        samples.append(Samples("m", 0, Group.CPU, at_ms, booted))
    return Run("m", samples)


def test_a_device_may_appear_and_vanish() -> None:
    received = counters(metrics.RECEIVED_PACKETS, eth0=[0, 10, 20, 30], veth1=[None, 100, 200, None])

    written = rows(tree(made(Group.NETWORK, received))["proc/net/dev"])

    assert [(row[0][-2:], row[1], row[2]) for row in written] == [
        ("10", "eth0", "1"),
        ("20", "eth0", "1"),
        ("20", "veth1", "10"),
        ("30", "eth0", "1"),
    ]


def test_a_counter_that_was_reset_has_no_row_and_in_the_original_a_negative_rate() -> None:
    run = made(Group.DISK, counters(metrics.DISK_READS, sda=[100, 200, 5, 15]))

    true, original = (rows(tree(run, compat=compat)["proc/diskstats"]) for compat in (False, True))

    assert [(row[0][-2:], row[3]) for row in true] == [("10", "10"), ("30", "1")]
    assert [(row[0][-2:], row[3]) for row in original] == [("20", "-4.75"), ("30", "1")]


def test_no_rate_is_over_a_boot() -> None:
    received = counters(metrics.RECEIVED_PACKETS, eth0=[0, 10, 20, 30])
    start = START_MS // 1000

    written = rows(
        tree(made(Group.NETWORK, received, [start - 500, start - 500, start + 15, start + 15]))["proc/net/dev"]
    )

    assert [row[0][-2:] for row in written] == ["10", "30"]


def test_idle_time_that_steps_back_gives_no_negative_share() -> None:
    busy = counters(metrics.CPU_USER, all=[0, 1000, 2000])
    idle = counters(metrics.CPU_IDLE, all=[500, 490, 590])

    written = rows(tree(made(Group.CPU, busy | idle))["proc/stat"])

    shares = [(float(row[2]), float(row[7])) for row in written]
    assert shares == [(100, 0), (pytest.approx(1000 / 11), pytest.approx(100 / 11))]


def test_a_kernel_without_available_memory_has_an_empty_cell() -> None:
    memory = counters(metrics.MEMORY_TOTAL, **{"": [4096, 4096]}) | counters(metrics.MEMORY_FREE, **{"": [1024, 1024]})

    written = rows(tree(made(Group.MEMORY, memory))["proc/meminfo"])

    assert written[0][1:5] == ["1", "", "3", "75"]


def test_names_are_quoted_as_csv_and_never_a_formula() -> None:
    mounts = ["/a,b", '/c"d', "/e\nf", "=1+1"]
    columns = {}
    for metric, number in (
        (metrics.FILESYSTEM_BLOCK, 4096),
        (metrics.FILESYSTEM_SIZE, 200),
        (metrics.FILESYSTEM_AVAILABLE, 199),
    ):
        columns |= counters(metric, **{mount: [number] for mount in mounts})

    text = tree(made(Group.FILESYSTEM, columns))["statfs_ALL"]

    read = list(csv.reader(text.splitlines(keepends=True)))[1:]
    assert [row[1] for row in read] == [*mounts[:3], "'=1+1"]
    # Half a percent used goes up, as in Go.
    assert [row[2:] for row in read] == [["4096", "200", "199", "1"]] * 4

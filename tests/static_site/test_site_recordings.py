"""What a site says of the real recordings, against numbers computed here from their text and nothing of ours."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from drawn_machines import recorded
from page_reader import Page, read, together

from static_site.site import build

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@pytest.fixture(scope="session")
def site(built_recordings: Path) -> dict[str, Page]:
    """The pages of a site of all recordings, by their machines, all of a machine as one; "" is the fleet page."""
    folder = built_recordings
    machines = json.loads((folder / "site.json").read_text())["machines"]
    pages = {str(path.relative_to(folder)): read(path) for path in folder.rglob("*.html")}
    return {
        "": pages["index.html"],
        **{found["id"]: together(pages, found["path"].split("/")[1]) for found in machines},
    }


def texts(path: Path, subsystem: str) -> list[tuple[int, str]]:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [(one["timestamp"], one["measurement"]) for one in records if one["subsystem"] == subsystem]


def shares(recordings: Path, machine: str, cpu: str = "cpu ") -> list[dict[str, float]]:
    """The percentages of a CPU's modes in every interval."""
    ticks = []
    for _, text in texts(recordings / machine / "host.json", "/proc/stat"):
        line = next(line for line in text.splitlines() if line.startswith(cpu))
        ticks.append([int(number) for number in line.split()[1:9]])
    found = []
    for before, after in pairwise(ticks):
        grown = [max(0, late - early) for early, late in zip(before, after, strict=True)]
        found.append({mode: 100 * one / sum(grown) for mode, one in zip(MODES, grown, strict=True)})
    return found


def disk_rates(recordings: Path, machine: str, disk: str, field: int) -> Iterator[float]:
    """Bytes a second that a disk moved, from a field of /proc/diskstats in sectors."""
    found = []
    for at, text in texts(recordings / machine / "host.json", "/proc/diskstats"):
        line = next(line.split() for line in text.splitlines() if line.split()[2] == disk)
        found.append((at, int(line[field])))
    for (early, before), (late, after) in pairwise(found):
        yield 512 * (after - before) / (late - early)


def test_a_phase_of_cpu_and_then_of_disk_is_found(site: dict[str, Page], recordings: Path) -> None:
    name = "azure_b1s_cpu_then_io"
    page, every = site[name], shares(recordings, name)
    written = max(disk_rates(recordings, name, "sda", 9))

    user, iowait = (max(interval[mode] for interval in every) for mode in ("user", "iowait"))
    assert (round(user), round(iowait, 1), round(written / 1e6, 1)) == (100, 95.1, 56.2)
    assert "CPU: user reached 100 %, iowait 95.1 %" in page.text
    assert page.row("disks-table", "sda")["most written"] == "56.2 MB/s"
    assert "The CPU waited for disks 93 % of its time" in page.text
    assert "The CPU was 100 % busy" in page.text
    assert "MiB/s" not in page.text
    mean = sum(interval["iowait"] for interval in every) / len(every)
    row = page.row("metrics-table", "CPU iowait")
    assert (row["n"], row["mean"], row["max"]) == (str(len(every)), f"{mean:.1f}", f"{iowait:.1f}")


def test_one_saturated_core_is_found_where_the_average_is_a_half(site: dict[str, Page], recordings: Path) -> None:
    name = "azure_f2s_suse_onecore"
    page, every = site[name], shares(recordings, name)
    cores = [shares(recordings, name, f"cpu{number} ") for number in (0, 1)]

    busy = [100 - interval["idle"] - interval["iowait"] for interval in every]
    busiest = [max(100 - core["idle"] - core["iowait"] for core in pair) for pair in zip(*cores, strict=True)]
    while_busy = [share for share in busy if share > 40]
    assert sum(while_busy) / len(while_busy) == pytest.approx(50, abs=2)
    assert "One core was saturated, likely by one thread that moved" in page.text
    assert "the average of both was 51 %" in page.text
    assert page.row("metrics-table", "Busiest CPU")["mean"] == f"{sum(busiest) / len(busiest):.1f}"
    assert page.row("metrics-table", "CPU busy")["mean"] == f"{sum(busy) / len(busy):.1f}"
    assert page.row("cpu-each-table", "CPU 0")["max"] == f"{max(100 - c['idle'] - c['iowait'] for c in cores[0]):.0f} %"


def test_swap_in_use_and_stolen_time_are_found(site: dict[str, Page], recordings: Path) -> None:
    name = "oci_e5_vm01_dm_swap"
    page = site[name]

    used = []
    for _, text in texts(recordings / name / "host.json", "/proc/meminfo"):
        fields = dict(line.split(":") for line in text.splitlines() if ":" in line)
        used.append(int(fields["SwapTotal"].split()[0]) - int(fields["SwapFree"].split()[0]))
    steal = [interval["steal"] for interval in shares(recordings, name)]
    assert max(used) > 0
    assert max(steal) > 0
    assert f"Swap: at most {max(used) / 1024:.1f} MiB in use, 1.65 % of 5.54 GiB" in page.text
    assert page.row("metrics-table", "CPU steal")["max"] == f"{max(steal):.2f}"
    assert "The hypervisor took CPU time for others in 8 of 131 intervals" in page.text
    assert {"disk-sda", "disk-dm-0", "disk-dm-1"} <= set(page.ids)


def test_containers_at_their_quota_are_found(site: dict[str, Page], recordings: Path) -> None:
    name = "oci_e5_cpu_containers"
    page = site[name]
    names = json.loads((recordings / name / "container_names.json").read_text())

    for identity, called in names.items():
        records = [
            json.loads(text)
            for _, text in texts(recordings / name / "containers.json", f"container/docker/{identity[:12]}")
        ]
        held, periods = (records[-1][key] - records[0][key] for key in ("cpu_throttled", "cpu_periods"))
        row = page.row("containers-table", called)
        assert row["CPUs allowed"] == f"{records[0]['cpu_quota'] / records[0]['cpu_period']:.3g}" == "0.5"
        assert row["periods held back"].startswith(f"{held} of {periods:,}".replace(",", " "))
        assert held > 0
    assert "3 containers" in page.text
    assert "held back in at most 62.5 % of the periods of one 5-second interval, in at most 0.13 % of all" in page.text
    assert "in 4 of 6 005 periods by its quota" in page.text
    assert page.row("metrics-table", "CPU busy")["max"] == "100"


def test_every_rate_has_one_interval_less_than_samples(site: dict[str, Page], recordings: Path) -> None:
    for name, page in site.items():
        if name:
            samples = len(texts(recordings / name / "host.json", "/proc/stat"))
            assert page.row("metrics-table", "CPU busy")["n"] == str(samples - 1)
            assert page.row("metrics-table", "Memory used")["n"] == str(samples)


def test_intervals_are_those_of_the_recording(site: dict[str, Page]) -> None:
    assert "60 at 10-second intervals" in site["azure_d4s_diskload_containers"].text
    assert "180 at 5-second intervals" in site["azure_b1s_cpu_then_io"].text


def test_containers_recorded_apart_make_no_gap_of_the_machine(site: dict[str, Page], recordings: Path) -> None:
    name = "azure_d4s_diskload_containers"
    host, containers = (
        [json.loads(line)["timestamp"] for line in (recordings / name / file).read_text().splitlines()]
        for file in ("host.json", "containers.json")
    )

    assert min(host) - min(containers) == 35
    page = site[name]
    assert "Period2026-01-08 18:47:18 to 18:57:08 UTC (9 min 50 s) Samples60 at 10-second intervals" in page.text
    assert "Coverage100 %" in page.text
    assert "Hatched" not in page.text
    assert "Each may use 1 CPU." in page.text
    assert "Containers were sampled from 18:46:43 to 18:56:43 UTC: 4 before the machine's own samples." in page.text


def test_loop_disks_and_idle_ones_are_one_line(site: dict[str, Page]) -> None:
    page = site["azure_b1s_cpu_then_io"]

    assert [row[0] for row in page.tables["disks-table"][1:]] == ["sda", "sda1"]
    assert "Loop and RAM disks, not shown: loop0, loop1, loop2, loop3, loop4, loop5, loop6, loop7." in page.text
    assert "No reads or writes in the period: sda14, sda15, sdb, sdb1, sr0." in page.text


def test_the_fleet_page_ranks_the_machines(site: dict[str, Page]) -> None:
    page = site[""]

    assert "7 machines: 3 need attention, 2 to watch, 2 clear." in page.text
    order = [row[0] for row in page.tables["machines-table"][1:]]
    assert order[:5] == [
        "azure_b1s_cpu_then_io", "azure_d4s_diskload_containers", "oci_e5_cpu_containers", "azure_f2s_suse_onecore",
        "oci_e5_vm01_dm_swap",
    ]  # fmt: skip
    assert page.row("machines-table", "azure_b1s_cpu_then_io")["disk max"] == "56.2 MB/s"


def test_pages_stay_small(site: dict[str, Page], recordings: Path, tmp_path: Path) -> None:
    index = build([recorded(recordings / "oci_e5_cpu_containers")], tmp_path / "site")

    assert index.stat().st_size < 50_000
    assert (index.parent / "m/oci-e5-cpu-containers/index.html").stat().st_size < 150_000
    assert (index.parent / "a/pa.css").stat().st_size < 20_000


def test_a_finding_says_what_to_check_next_and_what_other_checks_said(site: dict[str, Page]) -> None:
    page = site["azure_d4s_diskload_containers"]

    assert "sda: 6.62 requests were under way on average" in page.text
    assert "What it usually means, and what to check next" in page.text
    assert "iostat" in page.text
    assert "13 checks found nothing, 13 not possible" in page.text
    assert "not possible, /proc/vmstat was not collected" in page.text

"""The sar-style tree, in: every cell of the original's trees comes back, and nothing is made up."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from appliance import metrics
from appliance.analysis.run import Run
from appliance.errors import BadData
from appliance.formats import recording, sar_files
from appliance.metrics import SECTOR_BYTES
from appliance.samples import Column

WITH_TREES = [
    "azure_b1s_cpu_then_io",
    "azure_d4s_diskload_containers",
    "azure_d4s_idle_cpuinfo",
    "azure_d4s_idle_short",
    "oci_e5_cpu_containers",
    "oci_e5_vm01_dm_swap",
]


@pytest.mark.parametrize("name", WITH_TREES)
def test_every_cell_of_the_original_comes_back(recordings: Path, name: str) -> None:
    tree = recordings / name / "pcprocess_csv"

    run = Run("m", sar_files.read(tree, "m").samples)

    for path, kind in sar_files.FILES.items():
        with (tree / path).open() as stream:
            for row in csv.DictReader(stream):
                device = row[kind.key] if kind.key else ""
                for column, holds in kind.columns.items():
                    cell = holds(device)
                    assert cell is not None
                    instance = "" if cell.metric.per == "machine" else device
                    values = run.columns(cell.metric)[instance]
                    at = run.axis(cell.metric.group).get_loc(int(row["#timestamp"]) * 1000)
                    times = (
                        1024
                        if "kb" in column.lower()
                        else SECTOR_BYTES
                        if column.startswith("b") and "/s" in column
                        else 1
                    )
                    assert values.mask()[at]
                    assert values.numbers[at] == float(row[column]) * times, (path, row, column)


@pytest.mark.parametrize("name", WITH_TREES)
def test_memory_and_file_systems_are_those_of_the_recording_the_total_too(recordings: Path, name: str) -> None:
    brought = Run("m", sar_files.read(recordings / name / "pcprocess_csv", "m").samples)
    recorded = Run("m", recording.read(recordings / name / "host.json").samples)

    for metric in (metrics.MEMORY_TOTAL, metrics.MEMORY_AVAILABLE, metrics.FILESYSTEM_SIZE):
        values = brought.values(metric)
        assert values.equals(recorded.values(metric).loc[values.index, values.columns]), metric.name


def test_what_the_machine_is_comes_with_it(recordings: Path) -> None:
    parsed = sar_files.read(recordings / "oci_e5_cpu_containers" / "pcprocess_csv", "m")

    recorded = recording.read(recordings / "oci_e5_cpu_containers" / "host.json")
    assert parsed.facts["cpuinfo"] == recorded.facts["cpuinfo"]


def test_a_tree_may_have_one_file_only(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("#timestamp,CPU,%usr,%idle\n1704067200,-1,25.5,70\n1704067200,0,20,75\n")

    run = Run("m", sar_files.read(tmp_path, "m").samples)

    assert run.values(metrics.SHARE_USER)[""].tolist() == [25.5]
    assert run.values(metrics.CPU_SHARES_BY_CPU["user"])["0"].tolist() == [20]


def test_the_kernels_own_proc_is_no_tree() -> None:
    assert not sar_files.is_tree(Path("/"))


def test_negative_rates_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "diskstats").write_text(
        "#timestamp,DEV,tps,rtps,wtps,dtps,bread/s,bwrtn/s,bdscd/s\n1704067200,sda,-7,1,1.5e+06,0,2,3,0\n"
    )

    parsed = sar_files.read(tmp_path, "m")

    run = Run("m", parsed.samples)
    assert not run.has(metrics.DISK_RATE_REQUESTS)
    assert run.values(metrics.DISK_RATE_WRITES)["sda"].tolist() == [1_500_000]
    assert parsed.warnings == ["Rates below 0, which a reset counter gives, were left out: 1."]


def test_a_rounded_share_gives_no_total(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("#timestamp,kbmemused,%memused\n1704067200,365928,9.87\n")

    found = sar_files.read(tmp_path, "m")

    assert not Run("m", found.samples).has(metrics.MEMORY_TOTAL)


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("proc/stat", "#timestamp,CPU,%usr\n1704067200,-1,x\n", "Line 2, column %usr: 'x' is not a number."),
        ("proc/stat", "#timestamp,%usr\n1704067200,1\n", "Missing required column: CPU"),
        ("proc/stat", "#timestamp,CPU,%usr\n1704067200,,1\n", "Line 2, column CPU: the cell is empty"),
        ("proc/net/dev", "#timestamp,IFACE,rxpck/s\n1704067200,eth0,1e999\n", "'1e999' is too large a number."),
        ("proc/stat", "#timestamp,CPU,%usr\n1704067200,-1,1\n1704067200,-1,2\n", "Lines 2 and 3 have other values"),
    ],
)
def test_what_is_wrong_is_said_with_its_file_line_and_column(
    tmp_path: Path, file: str, text: str, sentence: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(BadData) as raised:
        sar_files.read(tmp_path, "m")

    assert sentence in raised.value.message


def test_a_tree_with_facts_that_are_damaged_is_refused(recordings: Path, tmp_path: Path) -> None:
    shutil.copytree(recordings / "azure_d4s_idle_short" / "pcprocess_csv", tmp_path / "web-1")
    (tmp_path / "web-1" / "system_info.json").write_text(json.dumps([1]))

    with pytest.raises(BadData, match=r"web-1/system_info\.json: it is no JSON object"):
        sar_files.read(tmp_path / "web-1", "m")


def test_columns_that_are_not_known_are_told(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("#timestamp,CPU,%usr,%irq\n1704067200,-1,1,2\n")

    parsed = sar_files.read(tmp_path, "m")

    assert parsed.warnings == [f"{tmp_path}/proc/stat: columns that are not known were left out: '%irq'."]
    assert parsed.samples[0].columns.keys() == {Column(metrics.SHARE_USER, "")}

"""The standard CSV: read strictly, written so that it reads back, and refused in one sentence."""

import gzip
import io
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.analysis.run import Run
from appliance.errors import BadData, Conflict, InvalidCsv, InvalidMachineId, NoInput
from appliance.formats import columns, csv_file, recording, standard_csv
from appliance.formats.csv_header import OtherFile
from appliance.metrics import DISK_READS, MEMORY_FREE, RECEIVED_BYTES, SHARE_USER, Group
from appliance.samples import Column, Parsed, Samples, Values

HEADER = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available,"
    "disk_sda_reads,disk_sda_writes,net_eth0_rx_bytes,net_eth0_tx_bytes"
)
FIRST = "1704067200,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912,1024,2048,1048576,524288"
SECOND = "1704067260,server01,26.1,10.5,59.4,4.0,16777216,8355840,12550144,1050,2100,1060864,536576"
EXAMPLE = f"{HEADER}\n{FIRST}\n{SECOND}\n"


def read(folder: Path, content: str | bytes, machine: str = "") -> Parsed:
    path = folder / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return csv_file.read(path, machine)


def second(**cells: str) -> str:
    """Write the example with other cells in its second row."""
    row = dict(zip(HEADER.split(","), SECOND.split(","), strict=True)) | cells
    return f"{HEADER}\n{FIRST}\n{','.join(row.values())}\n"


def runs_of(parsed: Parsed) -> list[Run]:
    machines = dict.fromkeys(part.machine for part in parsed.samples)
    return [Run(name, [part for part in parsed.samples if part.machine == name]) for name in machines]


def written(runs: list[Run]) -> str:
    stream = io.StringIO()
    standard_csv.write(runs, stream)
    return stream.getvalue()


def values(parsed: Parsed, column: Column) -> list[float]:
    return next(part.columns[column].numbers.tolist() for part in parsed.samples if column in part.columns)


def test_every_number_is_read_as_it_stands(tmp_path: Path) -> None:
    parsed = read(tmp_path, EXAMPLE)

    assert parsed.count == 2
    assert parsed.warnings == []
    assert {(part.machine, part.run) for part in parsed.samples} == {("server01", 0)}
    assert [part.group for part in parsed.samples] == [Group.SHARE, Group.MEMORY, Group.DISK, Group.NETWORK]
    assert all(part.at_ms.tolist() == [1_704_067_200_000, 1_704_067_260_000] for part in parsed.samples)
    assert values(parsed, Column(SHARE_USER, "")) == [25.5, 26.1]
    assert values(parsed, Column(MEMORY_FREE, "")) == [8388608, 8355840]
    assert values(parsed, Column(DISK_READS, "sda")) == [1024, 1050]
    assert values(parsed, Column(RECEIVED_BYTES, "eth0")) == [1048576, 1060864]


@pytest.mark.parametrize(
    "content",
    [
        EXAMPLE.removesuffix("\n"),
        EXAMPLE + "\n\n",
        EXAMPLE.replace("\n", "\r\n"),
        EXAMPLE.replace("\n", "\r"),
        "\ufeff" + EXAMPLE,
        "\ufeff" + EXAMPLE.replace("\n", "\r\n").replace(",", ";"),
        EXAMPLE.replace(",", ";"),
        EXAMPLE.replace(",", "\t"),
        EXAMPLE.replace(",", "|"),
        EXAMPLE.replace(",", ", "),
        "# made by hand\n\n" + EXAMPLE,
        EXAMPLE.replace(f"{FIRST}\n", f"{FIRST}\n\n"),
        EXAMPLE.replace("timestamp", "Timestamp").replace("cpu_user", " CPU_User "),
        EXAMPLE.replace("server01", '"server01"').replace("25.5", '"25.5"'),
        EXAMPLE.replace("16777216", "16777216.0"),
        f"{HEADER}\n{SECOND}\n{FIRST}\n",
        gzip.compress(EXAMPLE.encode()),
    ],
    ids=[
        "no final newline", "blank lines at the end", "CRLF", "CR", "BOM", "BOM CRLF semicolons", "semicolons", "tabs",
        "bars", "spaces", "comment", "blank line", "case", "quotes", "point", "other order", "gzip",
    ],
)  # fmt: skip
def test_files_that_say_the_same_read_alike(tmp_path: Path, content: str | bytes) -> None:
    expected = written(runs_of(read(tmp_path, EXAMPLE)))

    parsed = read(tmp_path, content)

    assert written(runs_of(parsed)) == expected
    assert parsed.warnings == []


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (EXAMPLE.replace("cpu_user", "cpu_usr"), InvalidCsv, "Missing required column: cpu_user"),
        (
            EXAMPLE.replace("cpu_user", "a").replace("mem_free", "b"),
            InvalidCsv,
            "Missing required columns: cpu_user, mem_free",
        ),
        (second(cpu_user="abc"), InvalidCsv, "Line 3, column cpu_user: 'abc' is not a number."),
        (second(cpu_user="NaN"), InvalidCsv, "Line 3, column cpu_user: 'NaN' is not a number."),
        (
            second(cpu_idle="1e999"),
            InvalidCsv,
            "Line 3, column cpu_idle: '1e999' is not a share in percent, from 0 to 100.",
        ),
        (
            second(disk_sda_reads="1e999"),
            InvalidCsv,
            "Line 3, column disk_sda_reads: '1e999' is too large for a whole number of 64 bits.",
        ),
        (second(mem_free="1_000"), InvalidCsv, "Line 3, column mem_free: '1_000' is not a number."),
        (second(mem_free="0x10"), InvalidCsv, "Line 3, column mem_free: '0x10' is not a number."),
        (second(mem_free="１２"), InvalidCsv, "Line 3, column mem_free: '１２' is not a number."),
        (second(mem_free="-5"), InvalidCsv, "Line 3, column mem_free: '-5' is negative."),
        (second(cpu_user="9" * 200), InvalidCsv, f"Line 3, column cpu_user: '{'9' * 80}' is not a share in percent"),
        (second(cpu_user=""), InvalidCsv, "Line 3, column cpu_user: the cell is empty, and a value is required."),
        (second(timestamp="2024-01-01"), InvalidCsv, "Line 3, column timestamp: '2024-01-01' is not a number of Unix"),
        (second(timestamp="1704067260000"), InvalidCsv, "(it looks like milliseconds)"),
        (second(machine_id="../x"), InvalidMachineId, "Line 3, column machine_id: '../x' is not a machine id"),
        (second(machine_id="x" * 65), InvalidMachineId, "Line 3, column machine_id: "),
        (second(machine_id="a\0"), InvalidCsv, "Line 3 holds a NUL byte"),
        (second(machine_id='"a'), InvalidCsv, "Line 3 opens a quote that is never closed."),
        (EXAMPLE[:-30], InvalidCsv, "Line 3 has 9 cells where the header has 13: it is cut, or a cell is missing."),
        (EXAMPLE + "1,2,3\n", InvalidCsv, "Line 4 has 3 cells where the header has 13"),
        (second(cpu_user="25,5"), InvalidCsv, "Line 3 has 14 cells where the header has 13"),
        (
            EXAMPLE.replace(",", ";").replace("25.5", "25,5"),
            InvalidCsv,
            "Line 2, column cpu_user: '25,5' is not a number: write it with a decimal point, not a comma.",
        ),
        (f"{HEADER}\n{FIRST}\n{HEADER}\n{SECOND}\n", InvalidCsv, "Line 3 repeats the header"),
        (f"{HEADER},cpu_user\n{FIRST},1\n", InvalidCsv, "Line 1 names the column 'cpu_user' twice."),
        (
            f"{FIRST}\n{SECOND}\n",
            InvalidCsv,
            "Line 1 is neither a record of a recording nor the header of a standard CSV, which has timestamp, ",
        ),
        ("hello\n", InvalidCsv, "Line 1 is neither a record of a recording nor the header of a standard CSV"),
        (HEADER + ",disk_x_reads" * 5000 + "\n", InvalidCsv, "Line 1 names 5013 columns: at most 4096 are read."),
        (f"{HEADER}\n", NoInput, "The file has a header and no rows"),
        ("", NoInput, "The file is empty"),
        ("\n\n", NoInput, "The file has blank lines only"),
        (EXAMPLE.encode("utf-16"), BadData, "The file is UTF-16: save it as UTF-8."),
        (
            EXAMPLE.replace("server01", "s\xe4").encode("latin-1"),
            BadData,
            "Line 2, byte 13 is not UTF-8: save the file as UTF-8.",
        ),
        (gzip.compress(EXAMPLE.encode())[:-12], BadData, "The gzip file is cut or damaged: nothing of it was read."),
        (
            f"{EXAMPLE}{FIRST.replace('25.5', '25.6')}\n",
            Conflict,
            "Lines 2 and 4 have other values for the same machine and time (column cpu_user): keep one of them.",
        ),
        ("timestamp,container_id,cpu_percent\n", OtherFile, "This is a containers.csv"),
        ("#timestamp,CPU,%usr\n", OtherFile, "This is a file of the sar-style tree"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_column(
    tmp_path: Path, content: str | bytes, error: type[BadData | NoInput], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        read(tmp_path, content)

    assert type(raised.value) is error
    assert sentence in raised.value.message


def test_an_error_carries_what_a_program_needs(tmp_path: Path) -> None:
    with pytest.raises(InvalidCsv) as missing:
        read(tmp_path, EXAMPLE.replace("cpu_user", "cpu_usr"))
    with pytest.raises(InvalidCsv) as bad:
        read(tmp_path, second(cpu_user="abc"))

    assert missing.value.details["line"] == 1
    assert missing.value.details["expected_columns"] == list(columns.REQUIRED)
    assert "cpu_usr" in missing.value.details["found_columns"]
    assert bad.value.details == {"line": 3, "column": "cpu_user", "value": "abc"}


def test_an_empty_optional_cell_is_no_value(tmp_path: Path) -> None:
    parsed = read(tmp_path, second(disk_sda_reads="", net_eth0_rx_bytes="", net_eth0_tx_bytes=""))

    by_group = {part.group: part for part in parsed.samples}
    assert by_group[Group.DISK].columns[Column(DISK_READS, "sda")].mask().tolist() == [True, False]
    assert by_group[Group.NETWORK].at_ms.tolist() == [1_704_067_200_000]


def test_columns_that_are_not_known_are_listed_in_one_warning(tmp_path: Path) -> None:
    content = f'{HEADER},note,disk_reads\n{FIRST},"hello, wörld\nagain",\n{SECOND},,7\n'

    parsed = read(tmp_path, content)

    assert parsed.warnings == ["Columns that are not known were left out: 'note', 'disk_reads'."]
    assert parsed.count == 2


def test_rows_that_repeat_others_are_counted_and_kept_once(tmp_path: Path) -> None:
    parsed = read(tmp_path, f"{EXAMPLE}{FIRST}\n")

    assert parsed.count == 2
    assert parsed.warnings == ["Rows that repeat others, with the same values, were left out: 1."]


@pytest.mark.parametrize("device", ["dm-0", "nvme0n1p1", "c0d0_reads", "weird_name", "Sda"])
def test_the_name_of_a_device_is_kept_exactly(tmp_path: Path, device: str) -> None:
    parsed = read(tmp_path, EXAMPLE.replace("sda", device))

    assert values(parsed, Column(DISK_READS, device)) == [1024, 1050]


def test_a_file_may_hold_several_machines(tmp_path: Path) -> None:
    parsed = read(tmp_path, second(machine_id="server02"))

    assert [(part.machine, len(part.at_ms)) for part in parsed.samples if part.group is Group.SHARE] == [
        ("server01", 1),
        ("server02", 1),
    ]


def test_a_file_of_several_machines_cannot_be_of_one(tmp_path: Path) -> None:
    with pytest.raises(BadData) as raised:
        read(tmp_path, second(machine_id="server02"), "server01")

    assert raised.value.error_code == "MACHINE_MISMATCH"


def test_a_file_of_another_machine_is_renamed_with_a_warning(tmp_path: Path) -> None:
    parsed = read(tmp_path, EXAMPLE, "web-1")

    assert {part.machine for part in parsed.samples} == {"web-1"}
    assert parsed.warnings == ["The file names its machine server01: it was taken for web-1."]


def test_a_file_of_a_thousand_disks_is_read_in_seconds(tmp_path: Path) -> None:
    """Not in minutes, which is what work for each pair of columns comes to."""
    names = [columns.name_of("disk", f"d{at}", measure) for at in range(1000) for measure in columns.DISK_MEASURES]
    row = FIRST.rsplit(",", 4)[0] + ",7" * len(names)
    content = (
        ",".join([*columns.REQUIRED, *names])
        + "\n"
        + "".join(row.replace("1704067200", str(1704067200 + 60 * at)) + "\n" for at in range(100))
    )

    start = time.process_time()
    parsed = read(tmp_path, content)

    assert time.process_time() - start < 10
    assert values(parsed, Column(DISK_READS, "d999")) == [7] * 100


# Writing.


def test_an_export_of_the_example_is_the_example(tmp_path: Path) -> None:
    assert written(runs_of(read(tmp_path, EXAMPLE))) == EXAMPLE


@pytest.mark.parametrize("name", ["azure_d4s_diskload_containers", "oci_e5_vm01_dm_swap", "azure_b1s_cpu_then_io"])
def test_a_recording_has_a_row_for_each_interval_and_reads_back(tmp_path: Path, recordings: Path, name: str) -> None:
    run = Run(name, recording.read(recordings / name / "host.json").samples)

    content = written([run])
    again = runs_of(read(tmp_path, content))

    assert content.count("\n") == len(run.at_ms)
    assert written(again) == content
    assert written([run]) == content


def test_a_counter_is_written_as_it_was_read(recordings: Path) -> None:
    run = Run("m", recording.read(recordings / "oci_e5_vm01_dm_swap" / "host.json").samples)

    lines = written([run]).splitlines()

    row = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert row["timestamp"] == "1767800526"
    assert row["disk_dm-0_read_bytes"] == "3153966080"
    assert float(row["cpu_user"]) == pytest.approx(50.24975, abs=1e-5)
    assert int(row["mem_swap_total"]) - int(row["mem_swap_free"]) > 0


def test_rows_are_by_time_and_machine_and_a_cell_of_another_machine_is_empty() -> None:
    runs = [Run(name, samples_of(name, device)) for name, device in (("b", "sdb"), ("a", "sda"))]

    lines = written(runs).splitlines()

    assert lines[0].endswith("mem_available,disk_sda_reads,disk_sdb_reads")
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["1704067200", "a"],
        ["1704067200", "b"],
        ["1704067260", "a"],
        ["1704067260", "b"],
    ]
    assert lines[1].endswith(",7,")
    assert lines[2].endswith(",,7")


def test_a_disk_that_never_did_anything_is_left_out_of_a_recording_only(tmp_path: Path, recordings: Path) -> None:
    run = Run("m", recording.read(recordings / "azure_d4s_idle_short" / "host.json").samples)

    from_csv = written(runs_of(read(tmp_path, EXAMPLE.replace("1024,2048", "0,0").replace("1050,2100", "0,0"))))

    assert "loop7" in run.instances(DISK_READS)
    assert "loop7" not in written([run])
    assert "disk_sda_reads" in from_csv


def test_counters_and_shares_of_the_same_time_make_one_row(tmp_path: Path, recordings: Path) -> None:
    samples = recording.read(recordings / "oci_e5_vm01_dm_swap" / "host.json", "m").samples
    content = written([Run("m", samples)])

    both = Run("m", [*samples, *read(tmp_path, content).samples])

    assert written([both]) == content


def test_no_row_is_written_of_before_the_start(tmp_path: Path) -> None:
    stream = io.StringIO()

    count = standard_csv.write(runs_of(read(tmp_path, EXAMPLE)), stream, 1_704_067_260_000)

    assert count == 1
    assert stream.getvalue() == f"{HEADER}\n{SECOND}\n"


def samples_of(machine: str, device: str) -> list[Samples]:
    at_ms = np.array([1_704_067_200_000, 1_704_067_260_000])
    shares = {Column(metric, ""): Values(np.array([1.0, 2.0])) for metric in columns.SHARES.values()}
    memory = {Column(metric, ""): Values(np.array([5, 6])) for metric in columns.MEMORY.values()}
    disk = {Column(DISK_READS, device): Values(np.array([7, 8]))}
    return [
        Samples(machine, 0, group, at_ms, values)
        for group, values in ((Group.SHARE, shares), (Group.MEMORY, memory), (Group.DISK, disk))
    ]


devices = st.sampled_from(["sda", "dm-0", "nvme0n1p1", "a_b", 'od"d', "com,ma", "ä"])
shares = st.floats(0, 100)
optional_counters = st.one_of(st.none(), st.integers(0, 2**63 - 1))


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A valid CSV as a careful program would write it: any columns, several machines, empty cells."""
    found = draw(st.lists(devices, unique=True, max_size=3))
    optional = [
        columns.name_of(prefix, device, measure)
        for prefix, measures in columns.OF_DEVICES.items()
        for device in found
        for measure in measures
        if draw(st.booleans())
    ]
    keys = draw(
        st.lists(
            st.tuples(st.integers(1_000_000_000_000, 1_000_000_020_000), st.sampled_from(["a", "b", "007"])),
            unique=True,
            min_size=1,
            max_size=8,
        )
    )
    quoted = ['"' + name.replace('"', '""') + '"' for name in optional]
    lines = [",".join([*columns.REQUIRED, *quoted])]
    for at_ms, machine in keys:
        cells = [f"{at_ms / 1000:.3f}", machine, *(repr(draw(shares)) for _ in range(4))]
        cells += [str(draw(st.integers(0, 2**63 - 1))) for _ in range(3)]
        cells += ["" if (number := draw(optional_counters)) is None else str(number) for _ in optional]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


@given(tables())
def test_an_export_that_is_imported_again_is_the_same(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    folder = tmp_path_factory.mktemp("csv")
    first = read(folder, content)

    exported = written(runs_of(first))
    second_time = read(folder, exported)

    assert written(runs_of(second_time)) == exported
    assert cells_of(second_time) == cells_of(first)


def cells_of(parsed: Parsed) -> set[tuple[str, int, str, str, float]]:
    return {
        (part.machine, at_ms, column.metric.name, column.instance, number)
        for part in parsed.samples
        for column, found in part.columns.items()
        for at_ms, number, there in zip(part.at_ms.tolist(), found.numbers.tolist(), found.mask().tolist(), strict=True)
        if there
    }

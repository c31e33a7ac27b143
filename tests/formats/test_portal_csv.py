"""The portal CSV: every number comes back exactly, rates stay rates, and faults are named by line and column."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import metrics
from appliance.analysis.run import Run
from appliance.errors import BadData, Conflict, InvalidCsv, NoInput
from appliance.formats import portal_csv, recording
from appliance.formats.portal_csv import COLUMNS
from appliance.metrics import Group, Kind
from appliance.samples import Column

HEADER = ",".join(["timestamp", *COLUMNS]) + "\n"
ROW = "1704067200,25.5,10.2,60.3,4,0,1000,600,300,100,5000,6000,70,80\n"
FILES = [
    "azure_b1s_cpu_then_io/performance.csv",
    "azure_d4s_diskload_containers/portal.csv",
    "azure_d4s_idle_cpuinfo/portal.csv",
    "azure_d4s_idle_short/portal.csv",
    "oci_e5_vm01_dm_swap/portal.csv",
]


def write(folder: Path, text: str) -> Path:
    path = folder / "portal.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_number_of_a_real_file_comes_back(recordings: Path, name: str) -> None:
    path = recordings / name

    run = Run("web-1", portal_csv.read(path, "web-1").samples)

    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    assert run.at_ms.tolist() == [int(row["timestamp"]) * 1000 for row in rows]
    for column, cell in COLUMNS.items():
        times = 1024 if column.endswith("_kb") else 1
        assert run.values(cell.metric)[""].tolist() == [float(row[column]) * times for row in rows], column


@pytest.mark.parametrize("name", FILES)
def test_memory_agrees_with_the_recording_and_the_total_is_not_its_total(recordings: Path, name: str) -> None:
    portal = Run("m", portal_csv.read(recordings / name, "m").samples)
    recorded = Run("m", recording.read(recordings / name.partition("/")[0] / "host.json").samples)

    for metric in (metrics.MEMORY_FREE, metrics.MEMORY_CACHED):
        assert portal.values(metric)[""].equals(recorded.values(metric)[""].loc[portal.at_ms])
    assert not portal.has(metrics.MEMORY_TOTAL)
    claimed = portal.values(metrics.MEMORY_PORTAL_TOTAL)[""]
    assert (claimed < recorded.values(metrics.MEMORY_TOTAL)[""].loc[portal.at_ms]).all()


def test_rates_are_never_differentiated(tmp_path: Path) -> None:
    run = Run("m", portal_csv.read(write(tmp_path, HEADER + ROW), "m").samples)

    assert all(metric.kind is Kind.GAUGE for metric in metrics.METRICS.values() if "_per_second" in metric.name)
    assert run.values(metrics.RATE_READ_BYTES)[""].tolist() == [5000]
    with pytest.raises(ValueError, match="is no counter"):
        run.rates(metrics.RATE_READ_BYTES)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.integers(0, 2**50), st.floats(0, 1e15) | st.integers(0, 2**53).map(float)
        ),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_any_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, int, float]]) -> None:
    text = HEADER + "".join(
        f"{1704067200 + 5 * at},{share!r},0,0,0,0,{kilobytes},0,0,0,{rate!r},0,0,0\n"
        for at, (share, kilobytes, rate) in enumerate(rows)
    )

    run = Run("m", portal_csv.read(write(tmp_path_factory.mktemp("portal"), text), "m").samples)

    assert run.columns(metrics.SHARE_USER)[""].numbers.tolist() == [share for share, _, _ in rows]
    assert run.columns(metrics.MEMORY_PORTAL_TOTAL)[""].numbers.tolist() == [number * 1024 for _, number, _ in rows]
    assert run.columns(metrics.RATE_READ_BYTES)[""].numbers.tolist() == [rate for _, _, rate in rows]


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        (HEADER + ROW.replace("25.5", "x"), InvalidCsv, "Line 2, column cpu_user: 'x' is not a number."),
        (HEADER + ROW + ROW.replace("1000", "-1"), InvalidCsv, "Line 3, column mem_total_kb: '-1' is negative."),
        (HEADER + ROW.replace(",1000", ",1.5"), InvalidCsv, "column mem_total_kb: '1.5' is not a whole number."),
        (HEADER + ROW.replace(",1000", ",9007199254740993000"), InvalidCsv, "is too large for a whole number"),
        (HEADER + ROW.replace("1704067200", ""), InvalidCsv, "Line 2, column timestamp: the cell is empty"),
        (HEADER + ROW.replace("1704067200", "12"), InvalidCsv, "Line 2, column timestamp: '12' is not in Unix seconds"),
        (HEADER + ROW[:-4], InvalidCsv, "Line 2 has 13 cells where the header has 14: it is cut or damaged."),
        (HEADER.replace("cpu_user,", ""), InvalidCsv, "Missing required column: cpu_user"),
        (HEADER.replace("net_tx", "net_rx"), InvalidCsv, "Line 1 names the column 'net_rx_bytes' twice."),
        (HEADER + ROW + ROW.replace("25.5", "1"), Conflict, "Lines 2 and 3 have other values for the same time"),
        (HEADER, NoInput, "The file has a header and no rows"),
        (HEADER + '"', InvalidCsv, "Line 2 is not CSV"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_column(
    tmp_path: Path, text: str, error: type[BadData | NoInput], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        portal_csv.read(write(tmp_path, text), "m")

    assert sentence in raised.value.message


def test_what_is_not_utf_8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "portal.csv"
    path.write_bytes((HEADER + ROW).encode() + b"\xff\n")

    with pytest.raises(BadData, match="Line 3, byte 1 is not UTF-8"):
        portal_csv.read(path, "m")


def test_what_is_not_there_is_not_zero_and_what_is_not_known_is_told(tmp_path: Path) -> None:
    text = HEADER.replace("\n", ",load\n") + ROW.replace(",4,0,", ",4,,").replace("5000", "-3").replace("\n", ",7\n")

    parsed = portal_csv.read(write(tmp_path, text), "m")

    run = Run("m", parsed.samples)
    assert not run.has(metrics.SHARE_STEAL)
    assert not run.has(metrics.RATE_READ_BYTES)
    assert parsed.warnings == [
        "Columns that are not known were left out: 'load'.",
        "Rates below 0, which a reset counter gives, were left out: 1.",
    ]


def test_it_may_be_zipped_and_a_spreadsheet_s(tmp_path: Path) -> None:
    path = tmp_path / "portal.csv.gz"
    text = "\ufeff" + (HEADER + ROW).replace(",", ";").replace("\n", "\r\n")
    path.write_bytes(gzip.compress(text.encode()))

    parsed = portal_csv.read(path, "m")

    assert {part.group for part in parsed.samples} == {Group.SHARE, Group.MEMORY, Group.RATE}
    memory = next(part for part in parsed.samples if part.group is Group.MEMORY)
    assert memory.columns[Column(metrics.MEMORY_FREE, "")].numbers.tolist() == [300 * 1024]

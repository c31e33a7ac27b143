"""Any file: recognised by its content, and refused in a sentence that names it."""

import gzip
import json
import os
from pathlib import Path

import pytest

from appliance.analysis.run import Run
from appliance.errors import BadData, InvalidCsv, NoInput
from appliance.formats import reading, recording
from appliance.formats.csv_header import OtherFile
from appliance.samples import Parsed

CSV = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available\n"
    "1704067200,server01,25.5,10.2,60.3,4.0,16777216,8388608,12582912\n"
)


def same_values(one: Parsed, other: Parsed) -> bool:
    tables = [Run("m", parsed.samples).tables for parsed in (one, other)]
    return tables[0].keys() == tables[1].keys() and all(
        tables[0][group].at_ms.tolist() == tables[1][group].at_ms.tolist()
        and tables[0][group].columns.keys() == tables[1][group].columns.keys()
        and all(
            values.numbers.tolist() == tables[1][group].columns[column].numbers.tolist()
            for column, values in tables[0][group].columns.items()
        )
        for group in tables[0]
    )


@pytest.mark.parametrize("name", ["web-1.json", "web-1.csv", "web-1.json.gz", "web-1"])
def test_a_recording_is_known_by_its_content(recordings: Path, tmp_path: Path, name: str) -> None:
    content = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    parsed = reading.read_file(path)

    assert reading.kind_of(path) == "recording"
    assert parsed.count == 18
    assert {part.machine for part in parsed.samples} == {"web-1"}


def test_a_csv_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "web-1.json"
    path.write_text(CSV)

    parsed = reading.read_file(path)

    assert reading.kind_of(path) == "csv"
    assert {part.machine for part in parsed.samples} == {"server01"}


def test_a_recording_of_the_older_form_reads_alike(recordings: Path, tmp_path: Path) -> None:
    path = recordings / "azure_d4s_idle_short" / "host.json"
    older = tmp_path / "older.json"
    with path.open() as lines, older.open("w") as stream:
        for line in map(json.loads, lines):
            record = {
                "Timestamp": f"2026-01-09T{16 + line['timestamp'] // 3600 % 24 - 16:02d}:"
                f"{line['timestamp'] // 60 % 60:02d}:{line['timestamp'] % 60:02d}.000000123Z",
                "Frequency": 5_000_000_000,
                "System": line["subsystem"],
                "Measurement": "\n".join(" ".join(text.split()) for text in line["measurement"].split("\n")),
            }
            stream.write(json.dumps({"Site": 1, "Host": 0, "Run": 0, "Measurement": record}) + "\n")

    assert same_values(reading.read_file(older), reading.read_file(path))


def test_a_recording_that_is_cut_is_read_up_to_the_cut(recordings: Path, tmp_path: Path) -> None:
    content = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes()
    path = tmp_path / "cut.json"
    path.write_bytes(content[:50_000])

    parsed = reading.read_file(path)

    lost = len(content[:50_000].rpartition(b"\n")[2])
    number = content[:50_000].count(b"\n") + 1
    assert parsed.warnings == [f"{path} is cut in line {number}: {lost} bytes after the last whole line are lost."]
    assert 0 < parsed.count < 18


@pytest.mark.parametrize("lost", [1, 5, 12, 40, 200, 3000])
def test_a_recording_glued_after_a_cut_line_is_read_on_both_sides(recordings: Path, tmp_path: Path, lost: int) -> None:
    content = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes()
    lines = content.splitlines(keepends=True)
    first, second = b"".join(lines[:47]), b"".join(lines[50:])
    path = tmp_path / "glued.json"
    path.write_bytes(first + lines[47][:lost] + second)

    parsed = reading.read_file(path)

    kept = min(lost, len(lines[47].rstrip()))
    whole = kept == len(lines[47].rstrip())
    assert parsed.warnings == (
        []
        if whole
        else [
            f"{path} is cut in line 48, and another recording follows there: {lost} bytes of the line that was cut are "
            "lost."
        ]
    )
    assert parsed.count == 18


def test_what_is_no_tear_is_refused_as_before(recordings: Path, tmp_path: Path) -> None:
    lines = (recordings / "azure_d4s_idle_short" / "host.json").read_bytes().splitlines(keepends=True)
    path = tmp_path / "garbage.json"
    path.write_bytes(b"".join(lines[:9]) + b"garbage" + lines[9] + b"".join(lines[10:]))

    with pytest.raises(BadData, match="line 10 is not a measurement of a recording: it is not JSON"):
        reading.read_file(path)


@pytest.mark.parametrize(("end", "warned"), [("", True), ("\n", False), ("\r", False), ("\r\n", False)])
def test_a_csv_without_a_last_line_end_may_be_cut(tmp_path: Path, end: str, warned: bool) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(CSV.removesuffix("\n").encode() + end.encode())

    warnings = reading.read_file(path).warnings

    assert warnings == ([f"{path}: The last line has no line end: the file may be cut there."] if warned else [])


def test_each_kind_is_known_by_its_content(recordings: Path) -> None:
    folder = recordings / "azure_d4s_idle_short"

    kinds = [reading.kind_of(folder / name) for name in ("host.json", "portal.csv", "pcprocess_csv")]

    assert kinds == ["recording", "portal", "sar"]


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (b"", NoInput, "The file is empty"),
        (b"hello\n", InvalidCsv, "Line 1 is neither a record of a recording nor the header of a standard CSV"),
        (b'{"timestamp":1\n{"timestamp":2\n', BadData, "line 1 is not a measurement of a recording: it is not JSON"),
        (b'{"a":1}\n', OtherFile, "holds JSON and no measurements: it is not a recording."),
        (b'{"id":\n"name"}\n', OtherFile, "holds JSON and no measurements: it is not a recording."),
        (b"\x1f\x8bnonsense", BadData, "The gzip file is cut or damaged"),
        (CSV.replace("25.5", "x").encode(), InvalidCsv, "Line 2, column cpu_user: 'x' is not a number."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes, error: type[BadData | NoInput], sentence: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(error) as raised:
        reading.read_file(path)

    assert sentence in raised.value.message
    assert raised.value.message.count(str(path)) == 1


def test_a_name_stands_for_the_path_and_sentences_about_a_csv_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(CSV.replace("cpu_user", "cpu"))
    with pytest.raises(InvalidCsv) as missing:
        reading.read_file(path, name="The upload")
    path.write_text("{}\n{}\n")
    with pytest.raises(BadData) as broken:
        reading.read_file(path, name="The upload")

    assert missing.value.message == "Missing required column: cpu_user"
    assert broken.value.message.startswith("The upload line 1 is not a measurement")


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(NoInput):
            reading.read_file(path)


def test_the_machine_of_a_recording_is_its_file_or_its_folder(tmp_path: Path) -> None:
    assert recording.machine_from(tmp_path / "web-1.json.gz") == "web-1"
    assert recording.machine_from(tmp_path / "web 1" / "host.json") == "web-1"

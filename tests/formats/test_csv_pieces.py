"""A file that is read in pieces is the same as one that is read whole."""

from pathlib import Path

import pytest

from appliance.errors import Conflict
from appliance.formats import csv_file, csv_pieces, csv_table
from appliance.samples import Parsed

HEADER = (
    "timestamp,machine_id,cpu_user,cpu_system,cpu_idle,cpu_iowait,mem_total,mem_free,mem_available,disk_sda_reads\n"
)
Values = dict[tuple[str, int, str, str], float]


def line(second: int, machine: str, reads: int | None = 7, user: float = 25.5) -> str:
    cell = "" if reads is None else reads
    return f"{1_704_067_200 + second},{machine},{user},10.2,60.3,4.0,16777216,8388608,{second},{cell}\n"


def written(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "file.csv"
    path.write_text(HEADER + "".join(lines))
    return path


def values_of(parsed: Parsed) -> Values:
    return {
        (part.machine, at, column.metric.name, column.instance): number
        for part in parsed.samples
        for column, values in part.columns.items()
        for at, number, there in zip(part.at_ms.tolist(), values.numbers.tolist(), values.mask().tolist(), strict=True)
        if there
    }


def in_pieces(path: Path, monkeypatch: pytest.MonkeyPatch, machine: str = "") -> Parsed:
    """Read a file of which each block of a few lines is a piece."""
    whole = csv_table.blocks
    with monkeypatch.context() as patched:
        patched.setattr(csv_table, "blocks", lambda stream: whole(stream, 400))
        patched.setattr(csv_pieces, "PIECE_BYTES", 1)
        return csv_file.read(path, machine)


def by_time(count: int = 60) -> list[str]:
    # A column that is empty for a while is in some pieces only.
    return [line(second, machine, second if second < 20 else None) for second in range(count) for machine in ("a", "b")]


def by_machine(count: int = 60) -> list[str]:
    return [line(second, machine) for machine in ("a", "b") for second in range(count)]


@pytest.mark.parametrize("lines", [by_time(), by_machine(), by_time()[::-1]], ids=["time", "machine", "backwards"])
def test_a_file_in_pieces_says_the_same(lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, lines)

    pieces = in_pieces(path, monkeypatch)

    whole = csv_file.read(path)
    assert len(pieces.samples) > 3 * len(whole.samples)
    assert values_of(pieces) == values_of(whole)
    assert pieces.count == whole.count == 120
    assert pieces.warnings == whole.warnings


def test_rows_that_repeat_others_far_away_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, [*by_time(), line(1, "a", 1)])

    parsed = in_pieces(path, monkeypatch)

    assert parsed.count == 120
    assert parsed.warnings == ["Rows that repeat others, with the same values, were left out: 1."]


def test_rows_that_contradict_others_far_away_are_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, [*by_time(), line(1, "a", 1, user=26.5)])

    with pytest.raises(Conflict, match="Lines 4 and 122 have other values .* .column cpu_user"):
        in_pieces(path, monkeypatch)


def test_all_pieces_are_of_the_machine_that_they_are_said_to_be_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, [line(second, "a") for second in range(60)])

    parsed = in_pieces(path, monkeypatch, "web-1")

    assert {part.machine for part in parsed.samples} == {"web-1"}
    assert parsed.warnings == ["The file names its machine a: it was taken for web-1."]

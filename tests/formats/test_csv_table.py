"""Blocks of CSV text: cut where lines end, and read alike by column and cell by cell."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InvalidCsv, InvalidMachineId
from appliance.formats import csv_table
from appliance.formats.csv_table import MACHINE, SHARE, TIME, WHOLE, Block, Field, Layout

LAYOUT = Layout(
    ["timestamp", "machine_id", "cpu_user", "mem_total", "note", "disk_sda_reads", "cpu_nice"],
    ",",
    [
        Field(0, "timestamp", TIME, True),
        Field(1, "machine_id", MACHINE, True),
        Field(2, "cpu_user", SHARE, True),
        Field(3, "mem_total", WHOLE, True),
        Field(5, "disk_sda_reads", WHOLE, False),
        Field(6, "cpu_nice", SHARE, False),
    ],
)
# Names that a reader who guesses types would take for something else.
MACHINES = ["web-1", "NA", "nan", "1e5", "007", "True", "null", "web-serv", "web-serv1", "web-server.example-17", "7.5"]

rows = st.tuples(
    st.integers(946_684_800_000, 4_102_444_799_999).map(lambda at_ms: f"{at_ms / 1000:.3f}"),
    st.sampled_from(MACHINES),
    st.one_of(st.floats(0, 100).map(repr), st.sampled_from(["5.", ".25", "100", "0", "007.50", "0.30000000000000004"])),
    st.one_of(st.integers(0, 2**52), st.integers(0, 99_999_999), st.integers(0, 2**63 - 1)).map(str),
    st.sampled_from(["", "free text", "-7", "1.5"]),
    st.one_of(st.just(""), st.integers(0, 2**40).map(str), st.integers(0, 2**40).map("{}.0".format)),
    st.one_of(st.just(""), st.floats(0, 100).map(repr)),
)


def block_of(text: str) -> Block:
    return Block(text.encode(), 2, text.count("\n"))


@given(st.lists(rows, min_size=1, max_size=20))
def test_both_ways_of_reading_give_the_same(table: list[tuple[str, ...]]) -> None:
    block = block_of("".join(",".join(row) + "\n" for row in table))

    quick, slow = csv_table.parse(block, LAYOUT), csv_table.by_cell(block, LAYOUT)

    assert quick is not None
    assert slow is not None
    assert [quick.machines[code] for code in quick.codes] == [slow.machines[code] for code in slow.codes]
    assert quick.numbers.keys() == slow.numbers.keys()
    for at, numbers in slow.numbers.items():
        np.testing.assert_array_equal(quick.numbers[at], numbers)
        assert quick.numbers[at].dtype == numbers.dtype
    np.testing.assert_array_equal(quick.lines, slow.lines)


def test_a_plain_block_is_read_by_column() -> None:
    """Not a matter of taste: cell by cell, a million rows take twenty times as long."""
    block = block_of("1704067200,web-1,25.5,1024,,,\n1704067260,web-1,25.6,1024,,7,0.1\n")

    read = csv_table.by_column(block, LAYOUT)

    assert read.numbers[5].tolist() == [csv_table.MISSING, 7]


@pytest.mark.parametrize(
    "row",
    [
        '1704067200,"web-1",25.5,1024,,,',
        "1704067200,web-1,25.5,1024,ä,,",
        "1704067200,web-1,25.5,1024,,-7777777,",
        "1704067200,web-1,25.5,-1,,,",
        "1704067200,web-1,1e999,1024,,,",
        "1704067200,web-1,nan,1024,,,",
        "1704067200,web-1,25.5,1_024,,,",
        "1704067200,web-1,25.5,9007199254740993.0,,,",
        "1704067200,web-1,25.5,1024.0000000000001,,,",
        "1704067200,web-1,25.5,9223372036854775807,,,",
        "1704067200,web-1,1.2.3,1024,,,",
        "1704067200,web-1,.,1024,,,",
        "1704067200,web-1,,1024,,,",
        "1704067200,web-1,25.5,1024 ,,,",
        ",web-1,25.5,1024,,,",
        "1704067200,../x,25.5,1024,,,",
        "1704067200,web-1,25.5,1024",
    ],
)
def test_a_block_in_doubt_is_not_read_by_column(row: str) -> None:
    with pytest.raises((ValueError, InvalidMachineId)):
        csv_table.by_column(block_of(row + "\n"), LAYOUT)


@given(st.text("a,1\r\n", max_size=60), st.integers(1, 9))
def test_blocks_are_whole_lines_whatever_ends_them_and_wherever_they_are_cut(text: str, size: int) -> None:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")

    blocks = list(csv_table.blocks(io.BytesIO(text.encode()), size))

    joined = b"".join(block.text for block in blocks).decode()
    assert joined == plain or joined == plain + "\n"
    assert all(block.text.endswith(b"\n") and block.text.count(b"\n") == block.count for block in blocks)
    assert [block.line for block in blocks] == [
        1 + sum(block.count for block in blocks[:at]) for at in range(len(blocks))
    ]


def test_a_quoted_newline_does_not_end_a_block() -> None:
    text = b'a,"b\nc"\nd,e\n'

    blocks = [block.text for block in csv_table.blocks(io.BytesIO(text), 5)]

    assert blocks[0] == b'a,"b\nc"\n'
    assert b"".join(blocks) == text


def test_a_line_without_an_end_is_refused_before_all_of_it_is_read() -> None:
    stream = io.BytesIO(b"header\n" + b"1" * 10_000_000)

    with pytest.raises(InvalidCsv, match="Line 2 is longer than 256 KiB"):
        list(csv_table.blocks(stream, 1 << 16))

    assert stream.tell() < 400_000

"""The block codec gives back what it was given, and notices when it cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from appliance.errors import BadData
from appliance.samples import Numbers, Values
from appliance.store import codec

LENGTHS = st.integers(1, 40)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
SMALL = st.integers(0, 100)
DECIMAL = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
REAL = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, list[Values]]:
    n = draw(LENGTHS)
    at_ms = np.cumsum(draw(arrays.arrays(np.int64, n, elements=st.integers(1, 10**6)))) + 1_700_000_000_000
    columns = []
    for _ in range(draw(st.integers(0, 6))):
        elements = draw(st.sampled_from([WHOLE, SMALL, DECIMAL, REAL]))
        dtype = np.int64 if elements in (WHOLE, SMALL) else np.float64
        numbers: Numbers = draw(arrays.arrays(dtype, n, elements=elements))
        present = draw(st.none() | arrays.arrays(np.bool_, n))
        columns.append(Values(numbers, present))
    return at_ms, columns


@given(blocks())
def test_what_is_decoded_is_what_was_encoded(block: tuple[np.ndarray, list[Values]]) -> None:
    at_ms, columns = block

    decoded_ms, decoded = codec.decode(*codec.encode(at_ms, columns))

    assert decoded_ms.tolist() == at_ms.tolist()
    for before, after in zip(columns, decoded, strict=True):
        assert before.numbers.dtype == after.numbers.dtype
        assert before.mask().tolist() == after.mask().tolist()
        # Compared as bytes: -0.0 is not 0.0.
        assert before.numbers[before.mask()].tobytes() == after.numbers[after.mask()].tobytes()


@given(blocks(), st.data())
def test_a_flipped_bit_is_never_read_as_a_value(block: tuple[np.ndarray, list[Values]], draw: st.DataObject) -> None:
    data, checksum = codec.encode(*block)
    place = draw.draw(st.integers(0, len(data) * 8 - 1))
    damaged = bytearray(data)
    damaged[place // 8] ^= 1 << place % 8

    try:
        at_ms, columns = codec.decode(bytes(damaged), checksum)
    except BadData:
        return

    # zlib's header has bits that change nothing.
    assert codec.encode(at_ms, columns)[1] == checksum


def test_idle_counters_cost_next_to_nothing() -> None:
    at_ms = np.arange(1000) * 5000 + 1_700_000_000_000
    columns = [Values(np.full(1000, 123456789 + column)) for column in range(300)]

    data, _ = codec.encode(at_ms, columns)

    assert len(data) < 1500


def test_a_block_with_another_checksum_is_refused() -> None:
    data, checksum = codec.encode(np.array([1]), [Values(np.array([5]))])

    with pytest.raises(BadData, match="has changed since it was stored"):
        codec.decode(data, bytes(8))
    assert checksum != bytes(8)


def test_blocks_of_the_first_version_are_read() -> None:
    data = bytes.fromhex(
        "78da6365606060056206660686ff0c0c8c201623c37f6606c65a761613900483315ef23298b47fc128c9c4c8c8cc402c600402a06d8c"
        "7fff7331343316fed3668488bb08401813defdfb0f740fc3efff4000642a2a810013c3ea5520a07500a2fa833d8416605801006fa91e"
        "73"
    )

    at_ms, columns = codec.decode(data, bytes.fromhex("400dae2d34effaf9"), 1)

    assert at_ms.tolist() == [0, 1000, 2000, 3000, 4000]
    assert [column.numbers.tolist() for column in columns] == [
        [1, 300, 70_000, 2**40, -5],
        [1.25, 0.5, 3.0, 99.75, 0.0],
        [7, 0, 9, 0, 11],
        [4] * 5,
        [0.1 + 0.2, 1 / 3, 0.0, 1.0, 2.0],
    ]
    assert columns[2].mask().tolist() == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("data", "checksum", "version"),
    [
        (
            "7801edc1b10980501005c17d9e606c680f1667d976a17c30145383db1966288682302c7c3af763abac4078134992d40cea2ca8b33c"
            "26243573fd09b8019f498652",
            "ac6b89def92fc5d8",
            2,
        ),
        (
            "7801edc1b10980501005c17d9e606c680f1667d976a17c30145383db1966288682302c7c3af763abac4078154992d40cea2ca8b33c"
            "26243573fd09b801a10f8652",
            "6e39a394bbce0b92",
            3,
        ),
    ],
)
def test_long_blocks_of_later_versions_are_read(data: str, checksum: str, version: int) -> None:
    at_ms, columns = codec.decode(bytes.fromhex(data), bytes.fromhex(checksum), version)

    rows = np.arange(codec.LONG)
    assert at_ms.tolist() == (rows * 1000).tolist()
    assert columns[0].numbers.tolist() == (rows * 300 + 7).tolist()
    assert columns[1].numbers.tolist() == (rows // 512 * 70_000).tolist()
    assert columns[2].mask().tolist() == (rows < 1000).tolist()
    assert columns[2].numbers.tolist() == np.where(rows < 1000, np.where(rows < 9, rows / 4, 2.5), 0).tolist()


@pytest.mark.parametrize("n", [codec.LONG - 1, codec.LONG, 3 * codec.LONG])
def test_long_columns_come_back_too(n: int) -> None:
    chance = np.random.default_rng(1)
    columns = [Values(chance.integers(0, 10**power, n).cumsum()) for power in (1, 3, 6, 12)]

    at_ms, decoded = codec.decode(*codec.encode(np.arange(n) * 1000, columns))

    assert at_ms.tolist() == list(range(0, n * 1000, 1000))
    assert [column.numbers.tolist() for column in decoded] == [column.numbers.tolist() for column in columns]


def test_noise_stands_as_it_is() -> None:
    """Zipping it would take long and save nothing: its bytes are found in the block."""
    noise = np.random.default_rng(1).integers(-128, 128, codec.LONG)

    data, checksum = codec.encode(np.arange(codec.LONG) * 1000, [Values(noise.cumsum())])

    assert noise[1:].astype("<i1").tobytes() in data
    assert codec.decode(data, checksum)[1][0].numbers.tolist() == noise.cumsum().tolist()

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

"""A gzip file gives all that can be read of it, however it was torn."""

import gzip
import io
import json
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats import recording
from appliance.formats.unzipped import Unzipped

NOISE = random.Random(1)
TEXTS = [f"0.06 0.09 0.{NOISE.randrange(99):02d} 1/79 9\n" for _ in range(200)]
LINES = [
    json.dumps({"timestamp": 1767977160 + at, "subsystem": "/proc/loadavg", "measurement": text}).encode() + b"\n"
    for at, text in enumerate(TEXTS)
]


def flushed(lines: list[bytes]) -> bytes:
    """What a recorder has written that is killed."""
    zipper = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join(zipper.compress(line) + zipper.flush(zlib.Z_SYNC_FLUSH) for line in lines)


def unzip(content: bytes) -> bytes:
    return io.BufferedReader(Unzipped(io.BytesIO(content))).read()


@given(st.lists(st.binary(max_size=100_000), max_size=4), st.integers(0, 40_000))
def test_it_reads_what_the_library_reads(members: list[bytes], zeros: int) -> None:
    content = b"".join(map(gzip.compress, members)) + bytes(zeros)

    assert unzip(content) == b"".join(members)


@pytest.mark.parametrize("tail", [b"", bytes(3), bytes(5000), bytes(100_000), b"\xff" * 50], ids=len)
def test_all_samples_of_a_torn_recording_are_read(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(flushed(LINES) + tail)

    parsed = recording.read(path, "web-1")

    assert parsed.count == len(LINES)
    assert len(parsed.warnings) == 1


def test_a_zipped_recording_is_read_up_to_the_cut_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    start, content = len(flushed(LINES[:3])), flushed(LINES[:6])

    for cut in range(start, len(content)):
        path.write_bytes(content[:cut])
        whole = zlib.decompressobj(31).decompress(content[:cut]).count(b"\n")
        assert recording.read(path, "web-1").count == whole


def test_a_fault_inside_is_a_fault() -> None:
    content = bytearray(gzip.compress(b"".join(LINES)))
    content[len(content) // 2] ^= 0xFF

    with pytest.raises((zlib.error, EOFError)):
        unzip(bytes(content))

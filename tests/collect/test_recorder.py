"""The recorder: whole samples in a file, which is continued by the next run and mended after a crash."""

import gzip
import os
import random
import zlib
from pathlib import Path

import pytest

from appliance.collect import zipped
from appliance.collect.recorder import Recorder, cut_torn_line
from appliance.errors import BadData, InputOutput, InUse, NoPermission

LINES = [
    b'{"timestamp":%d,"subsystem":"/proc/stat","measurement":"cpu  %d 0\\n"}\n' % (at, at * 7) for at in range(200)
]


def write(path: Path, lines: list[bytes]) -> None:
    recorder = Recorder(path)
    for line in lines:
        recorder.write(1, line)
    recorder.close()


def crash(path: Path, lines: list[bytes]) -> None:
    """Write and end without a word, as a process does that is killed."""
    recorder = Recorder(path)
    for line in lines:
        recorder.write(1, line)
    os.close(recorder.descriptor)


def text(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_two_runs_append_to_one_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, LINES[:3])
    write(tmp_path / name, LINES[3:5])

    assert text(tmp_path / name) == b"".join(LINES[:5])


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_a_second_recorder_is_refused(tmp_path: Path, name: str) -> None:
    first = Recorder(tmp_path / name)

    with pytest.raises(InUse, match="is being written by another recorder"):
        Recorder(tmp_path / name)

    first.close()
    Recorder(tmp_path / name).close()


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_a_file_that_is_no_recording_is_left_alone(tmp_path: Path, name: str) -> None:
    content = zlib.compress(b"root:x:0:0\n", wbits=31) if name.endswith(".gz") else b"root:x:0:0\n"
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadData, match="something else than a recording"):
        Recorder(tmp_path / name)

    assert (tmp_path / name).read_bytes() == content


def test_a_plain_file_named_gz_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "r.json.gz").write_bytes(LINES[0])

    with pytest.raises(BadData):
        Recorder(tmp_path / "r.json.gz")


@pytest.mark.parametrize("cut", [1, 10, len(LINES[1]) - 1])
def test_a_torn_line_is_removed_before_the_next_run(tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(LINES[0] + LINES[1][:cut])

    write(path, LINES[2:4])

    assert path.read_bytes() == LINES[0] + LINES[2] + LINES[3]
    assert caplog.messages == [f"{path} ended in a torn record: its {cut} bytes were removed."]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_torn_line_may_have_any_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(LINES[0] + b"x" * size)
    with path.open("rb+") as file:
        lost = cut_torn_line(file.fileno())

    assert lost == size
    assert path.read_bytes() == LINES[0]


def test_a_killed_recorder_leaves_a_zipped_file_that_is_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "FLUSH_SECONDS", 0)
    path = tmp_path / "r.json.gz"

    crash(path, LINES)

    assert zlib.decompressobj(31).decompress(path.read_bytes()) == b"".join(LINES)


def test_a_zipped_file_is_continued_wherever_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "FLUSH_SECONDS", 0)
    path = tmp_path / "r.json.gz"
    write(path, LINES[:5])
    finished = path.stat().st_size
    crash(path, LINES[5:30])
    content = path.read_bytes()
    assert len(content) > finished + 100

    for cut in range(finished, len(content) + 1):
        path.write_bytes(content[:cut])
        write(path, LINES[50:52])
        lines = text(path).splitlines(keepends=True)
        assert lines[:5] == LINES[:5]
        assert lines[-2:] == LINES[50:52]
        assert lines[5:-2] == LINES[5 : len(lines) - 2]
    assert len(lines) == 32


def test_a_zipped_file_that_was_never_flushed_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(zlib.compressobj(6, zlib.DEFLATED, 31).compress(LINES[0]) or b"\x1f\x8b\x08")

    write(path, LINES[:1])

    assert text(path) == LINES[0]


def test_marks_of_a_flush_are_found_in_long_files_and_across_pieces(tmp_path: Path) -> None:
    noise = random.Random(7)
    path = tmp_path / "r.json.gz"
    lines = [b'{"measurement":"%s"}\n' % noise.randbytes(3000).hex().encode() for _ in range(40)]
    zipper = zlib.compressobj(6, zlib.DEFLATED, 31)
    flushed = b"".join(zipper.compress(line) + zipper.flush(zlib.Z_SYNC_FLUSH) for line in lines)
    path.write_bytes(flushed[:-1])

    write(path, LINES[:1])

    assert text(path) == b"".join(lines[:-1]) + LINES[0]


def test_a_zipped_file_that_is_damaged_inside_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    write(path, LINES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(BadData, match="is damaged"):
        Recorder(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("missing/r.json", InputOutput, "No such file or directory"),
        (".", InputOutput, "Is a directory"),
        ("/proc/r.json", InputOutput, "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_in_a_sentence(
    tmp_path: Path, name: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=f"cannot be written: {sentence}"):
        Recorder(tmp_path / name)


def test_a_file_without_permission_is_said_in_a_sentence(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "r.json").touch(0o400)

    with pytest.raises(NoPermission):
        Recorder(tmp_path / "r.json")


def test_a_full_disk_is_said_in_a_sentence() -> None:
    recorder = Recorder(Path("/dev/full"))

    with pytest.raises(InputOutput, match="No space left on device"):
        recorder.write(1, LINES[0])

    recorder.close()


def test_of_a_sample_that_finds_no_room_nothing_stays(tmp_path: Path) -> None:
    """A file size limit cuts a write short just as a full disk does."""
    import resource
    import signal

    path = tmp_path / "r.json"
    recorder = Recorder(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINES[0]) + 10, limits[1]))
        recorder.write(1, LINES[0])
        with pytest.raises(InputOutput, match="File too large"):
            recorder.write(1, LINES[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    recorder.write(1, LINES[2])
    recorder.close()

    assert path.read_bytes() == LINES[0] + LINES[2]


def test_the_lock_goes_with_the_process(tmp_path: Path) -> None:
    crash(tmp_path / "r.json", LINES[:1])

    write(tmp_path / "r.json", LINES[1:2])

    assert text(tmp_path / "r.json") == LINES[0] + LINES[1]

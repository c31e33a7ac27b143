"""The recorder: whole samples in a file, which is continued by the next run and mended after a crash."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.collect import zipped
from appliance.collect.recorder import Recorder, cut_torn_line
from appliance.errors import BadData, InputOutput, InUse, NoPermission
from appliance.formats import recording

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
    path.write_bytes(flushed[:-8000])

    write(path, LINES[:1])

    whole = zlib.decompressobj(31).decompress(flushed[:-8000]).count(b"\n")
    assert 36 <= whole < 39
    assert text(path) == b"".join(lines[:whole]) + LINES[0]


def varied(count: int) -> list[bytes]:
    """Lines that zip as those of a machine do: to several blocks, whose text comes out before their end."""
    noise = random.Random(11)
    return [
        b'{"timestamp":%d,"subsystem":"/proc/stat","measurement":"cpu  %d %d %d\\n"}\n'
        % (at, noise.randrange(10**9), noise.randrange(10**6), noise.randrange(10**12))
        for at in range(count)
    ]


def seldom_flushed(lines: list[bytes]) -> bytes:
    """What a killed recorder has written: a member that is ended, and one that was flushed after half its lines."""
    half = len(lines) // 2
    zipper = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = zipper.compress(b"".join(lines[10:half])) + zipper.flush(zlib.Z_SYNC_FLUSH)
    return gzip.compress(b"".join(lines[:10])) + packed + zipper.compress(b"".join(lines[half:])) + zipper.flush()


def by_gzip(lines: list[bytes]) -> bytes:
    return subprocess.run(["gzip", "-c"], input=b"".join(lines), stdout=subprocess.PIPE, check=True).stdout


def readable(path: Path) -> list[bytes]:
    """The whole lines that come out before a tear."""
    out = subprocess.run(["gzip", "-dc", path], capture_output=True, check=False).stdout
    return [line for line in out.splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.parametrize("made", [seldom_flushed, by_gzip])
@pytest.mark.parametrize("zeros", [0, 5, 4096])
def test_continuing_a_torn_zipped_file_loses_no_line_that_could_be_read(
    tmp_path: Path, made: Callable[[list[bytes]], bytes], zeros: int
) -> None:
    lines = varied(2000)
    content = made(lines)
    path = tmp_path / "r.json.gz"
    kept = set()

    for cut in [*range(40, len(content), len(content) // 60), *range(len(content) - 12, len(content) + 1)]:
        path.write_bytes(content[:cut])
        before = readable(path)
        path.write_bytes(content[:cut] + bytes(zeros))
        write(path, LINES[50:52])
        after = text(path).splitlines(keepends=True)
        assert after[-2:] == LINES[50:52]
        assert after[:-2] == lines[: len(after) - 2]
        assert len(after) - 2 >= len(before)
        subprocess.run(["gzip", "-t", path], check=True)
        kept.add(len(after) - 2)
    assert len(kept) > 20
    assert max(kept) == len(lines)
    assert list(tmp_path.iterdir()) == [path]


def test_a_mended_file_keeps_its_mode_and_its_lock_and_the_link_to_it(tmp_path: Path) -> None:
    path, link = tmp_path / "r.json.gz", tmp_path / "link.json.gz"
    path.write_bytes(by_gzip(LINES)[:-1])
    path.chmod(0o600)
    link.symlink_to(path)

    recorder = Recorder(link)

    assert path.stat().st_mode & 0o777 == 0o600
    assert not os.get_inheritable(recorder.descriptor)
    with pytest.raises(InUse):
        Recorder(path)
    recorder.write(1, LINES[0])
    recorder.close()
    assert text(path) == b"".join(LINES) + LINES[0]
    assert link.is_symlink()


@pytest.mark.parametrize("room", [0, 1, 5000])
def test_mending_that_is_killed_loses_nothing(tmp_path: Path, room: int) -> None:
    path = tmp_path / "r.json.gz"
    lines = varied(2000)
    path.write_bytes(by_gzip(lines)[:-1])
    torn = path.read_bytes()
    # A process that writes more than it may is killed in the middle of it.
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_MENDING, path, str(room)], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGXFSZ
    assert path.read_bytes() == torn

    write(path, LINES[:1])

    assert text(path) == b"".join(lines) + LINES[0]
    assert list(tmp_path.iterdir()) == [path]


KILLED_WHILE_MENDING = """
import resource, signal, sys
from pathlib import Path
from appliance.collect.recorder import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
Recorder(Path(sys.argv[1]))
"""


def test_a_torn_zipped_file_is_left_as_it_is_where_there_is_no_room_to_mend_it(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(by_gzip(varied(2000))[:-1])
    torn = path.read_bytes()
    end = full_after(3000)
    try:
        with pytest.raises(InputOutput, match="cannot be mended, and is left as it is: File too large"):
            Recorder(path)
    finally:
        end()

    assert path.read_bytes() == torn
    assert list(tmp_path.iterdir()) == [path]


def test_a_zipped_file_without_its_last_newline_is_continued_on_a_new_line(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(b"".join(LINES[:3])[:-1]))

    write(path, LINES[3:5])

    assert text(path) == b"".join(LINES[:5])


def test_a_zipped_copy_of_a_torn_recording_is_continued_behind_its_last_whole_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(b"".join(LINES[:3])[:-9]))

    write(path, LINES[3:5])

    assert text(path) == b"".join(LINES[:2] + LINES[3:5])
    assert caplog.messages == [f"{path} ended in a torn record: its {len(LINES[2]) - 9} bytes were removed."]


def test_a_torn_zipped_file_with_a_damaged_line_inside_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(LINES[0] + b"no record\n" + LINES[1])[:-1])
    torn = path.read_bytes()

    with pytest.raises(BadData, match="a line inside it is damaged"):
        Recorder(path)

    assert path.read_bytes() == torn
    assert list(tmp_path.iterdir()) == [path]


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


def full_after(size: int) -> Callable[[], None]:
    """Let files grow to a size at most, as a full disk does; return what ends that."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    def end() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)

    return end


def test_a_zipped_recording_goes_on_after_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    recorder = Recorder(path, flush_seconds=0)
    taken = []
    end = full_after(500)
    try:
        for number, line in enumerate(LINES[:60]):
            try:
                recorder.write(1, line)
                taken.append(line)
            except InputOutput:
                assert number
    finally:
        end()
    assert len(taken) < 60

    for line in LINES[60:70]:
        recorder.write(1, line)
    recorder.close()

    assert text(path) == b"".join(taken + LINES[60:70])


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
@pytest.mark.parametrize(("flush_seconds", "wanted"), [(None, []), (0, [0, 1, 2, 3, 4]), (2, [2, 4])])
def test_what_is_written_is_forced_to_the_disk_as_often_as_it_is_wanted(
    tmp_path: Path, name: str, flush_seconds: float | None, wanted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, forced, force = 0.0, [], os.fdatasync

    def spy(descriptor: int) -> None:
        forced.append(now)
        force(descriptor)

    monkeypatch.setattr(os, "fdatasync", spy)
    recorder = Recorder(tmp_path / name, flush_seconds=flush_seconds, clock=lambda: now)

    for now in range(5):
        recorder.write(1, LINES[now])

    assert forced == wanted
    recorder.close()


def test_a_killed_zipped_recorder_loses_at_most_what_it_may(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "r.json.gz"
    recorder = Recorder(path, flush_seconds=3, clock=lambda: now)
    for now in range(9):
        recorder.write(1, LINES[now])
    os.close(recorder.descriptor)

    assert zlib.decompressobj(31).decompress(path.read_bytes()) == b"".join(LINES[:7])


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
@pytest.mark.parametrize("zeros", [1, 100, 70_000])
def test_zeros_that_a_power_cut_left_at_the_end_are_removed(tmp_path: Path, name: str, zeros: int) -> None:
    path = tmp_path / name
    recorder = Recorder(path, flush_seconds=0)
    for line in LINES[:5]:
        recorder.write(1, line)
    os.close(recorder.descriptor)
    with path.open("ab") as file:
        file.write(bytes(zeros))

    write(path, LINES[5:7])

    assert text(path) == b"".join(LINES[:7])


def test_zeros_behind_a_whole_zipped_recording_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    write(path, LINES[:5])
    with path.open("ab") as file:
        file.write(bytes(5000))

    write(path, LINES[5:7])

    assert text(path) == b"".join(LINES[:7])


@pytest.mark.parametrize("zeros", [0, 3, 40_000])
def test_what_a_power_cut_left_is_read_up_to_the_torn_record(tmp_path: Path, zeros: int) -> None:
    path = tmp_path / "r.json"
    whole = [
        json.dumps({"timestamp": at, "subsystem": "/proc/loadavg", "measurement": "0.06 0.09 0.03 1/79 3511\n"}) + "\n"
        for at in (1767977160, 1767977161, 1767977162)
    ]
    kept = "".join(whole[:2]).encode()

    for cut in range(len(whole[2]) + 1):
        path.write_bytes(kept + whole[2].encode()[:cut] + bytes(zeros))
        parsed = recording.read(path, "web-1")

        assert parsed.count == (3 if cut >= len(whole[2]) - (0 if zeros else 1) else 2)
        assert len(parsed.warnings) == (1 if (cut and cut < len(whole[2]) - 1) or zeros else 0)


def test_a_long_row_of_zeros_is_no_reason_to_refuse_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "r.json"
    path.write_bytes(
        b'{"timestamp":1767977160,"subsystem":"/proc/uptime","measurement":"5.00 1.00\\n"}\n' + bytes(5000)
    )

    parsed = recording.read(path, "web-1")

    assert parsed.count == 1
    assert parsed.warnings == [f"{path} is cut in line 2: what follows is zeros, which a power cut leaves."]

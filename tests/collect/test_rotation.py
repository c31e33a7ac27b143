"""Rotation: files of a bounded size and age, each whole, and a name that is never free."""

import gzip
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.collect import loop, rotation
from appliance.collect.loop import Plan
from appliance.collect.recorder import Recorder
from appliance.collect.rotation import Rotation
from appliance.errors import InUse
from appliance.formats import recording


def sample(at: int, size: int = 100) -> bytes:
    text = random.Random(at).randbytes(size // 2).hex()
    return json.dumps({"timestamp": at, "subsystem": "x", "measurement": text}).encode() + b"\n"


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def times(path: Path) -> list[int]:
    return [json.loads(line)["timestamp"] for line in content(path).splitlines()]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("name", "older"), [("r.json", "r.1.json"), ("r.json.gz", "r.1.json.gz"), ("a.b", "a.b.1")])
def test_a_file_that_is_old_is_put_aside(tmp_path: Path, name: str, older: str) -> None:
    recorder = Recorder(tmp_path / name, Rotation(max_age_seconds=60))

    new = [recorder.write(1, sample(1000 + at)) for at in (0, 30, 59, 60, 61)]
    recorder.close()

    assert new == [False, False, False, True, False]
    assert files(tmp_path) == sorted([name, older])
    assert times(tmp_path / older) == [1000, 1030, 1059, 1060]
    assert times(tmp_path / name) == [1061]


def test_a_file_is_put_aside_before_it_is_too_large_and_only_some_are_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.json", Rotation(max_bytes=1000, keep=2))

    for at in range(100):
        recorder.write(1, sample(1000 + at))
    recorder.close()

    assert files(tmp_path) == ["r.1.json", "r.2.json", "r.json"]
    assert max((tmp_path / name).stat().st_size for name in files(tmp_path)) <= 1000
    kept = [at for name in ("r.2.json", "r.1.json", "r.json") for at in times(tmp_path / name)]
    assert kept == list(range(kept[0], 1100))


def test_a_zipped_file_is_put_aside_by_its_zipped_size(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.json.gz", Rotation(max_bytes=2000, keep=9), flush_seconds=0)

    for at in range(100):
        recorder.write(1, sample(1000 + at))
    recorder.close()

    assert [at for number in range(9, 0, -1) for at in read_if(tmp_path / f"r.{number}.json.gz")] + times(
        tmp_path / "r.json.gz"
    ) == list(range(1000, 1100))
    assert (tmp_path / "r.1.json.gz").stat().st_size < 2400


def read_if(path: Path) -> list[int]:
    return times(path) if path.exists() else []


def test_nothing_is_kept_where_nothing_is_wanted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.json", Rotation(max_bytes=400, keep=0))

    for at in range(20):
        recorder.write(1, sample(1000 + at))
    recorder.close()

    assert set(files(tmp_path)) <= {"r.json"}


def test_a_recording_that_is_continued_has_the_age_that_it_had(tmp_path: Path) -> None:
    for name in ("r.json", "r.json.gz"):
        first = Recorder(tmp_path / name)
        first.write(1, sample(1000))
        first.close()

        second = Recorder(tmp_path / name, Rotation(max_age_seconds=60))

        assert second.write(1, sample(1070))
        second.close()


@pytest.mark.parametrize("name", ["r.json", "r.json.gz"])
def test_the_name_is_never_free_for_another_recorder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, tried = tmp_path / name, []
    recorder = Recorder(path, Rotation(max_bytes=300), flush_seconds=0)
    replace = Path.replace

    def replace_between(self: Path, target: Path) -> Path:
        with pytest.raises(InUse):
            Recorder(path)
        done = replace(self, target)
        with pytest.raises(InUse):
            Recorder(path)
        tried.append(target.name)
        return done

    monkeypatch.setattr(Path, "replace", replace_between)
    for at in range(20):
        recorder.write(1, sample(1000 + at))
    with pytest.raises(InUse):
        Recorder(path)
    recorder.close()

    assert name in tried


def test_a_recorder_that_opened_a_file_just_put_aside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    first = Recorder(path, Rotation(max_bytes=300))
    late = Recorder.__new__(Recorder)
    late.path, late.regular, late.descriptor = path, True, os.open(path, os.O_RDWR)
    while not first.write(1, sample(1000)):
        pass

    with pytest.raises(InUse):
        late.lock()

    os.close(late.descriptor)
    first.close()


def test_a_folder_that_takes_no_new_file_makes_the_old_one_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".r.json.new").mkdir()
    recorder = Recorder(tmp_path / "r.json", Rotation(max_bytes=300))

    for at in range(9):
        recorder.write(1, sample(1000 + at))

    assert times(tmp_path / "r.json") == list(range(1000, 1009))
    assert [message.partition(":")[0] for message in caplog.messages] == [
        f"{tmp_path}/r.json goes on although it is full"
    ]
    (tmp_path / ".r.json.new").rmdir()
    assert recorder.write(1, sample(1009))
    recorder.close()


def test_every_file_is_complete_on_its_own_and_of_one_run(proc: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    recorder = Recorder(folder / "r.json.gz", Rotation(max_age_seconds=0.3))
    now = time.monotonic()

    def wait(seconds: float) -> bool:
        nonlocal now
        now += max(0, seconds)
        return False

    clock: Callable[[], float] = lambda: now  # noqa: E731
    loop.record(Plan(0.1, 1, "web-1", root=str(proc)), [recorder.write], wait, clock)
    recorder.close()

    parsed = [recording.read(folder / name) for name in files(folder)]
    assert len(parsed) == 3
    assert sum(one.count for one in parsed) == 11
    assert {one.facts["meta"]["machine_id"] for one in parsed} == {"web-1"}
    assert all("cpuinfo" in one.facts and "sources" in one.facts for one in parsed)
    assert len({part.run for one in parsed for part in one.samples}) == 1


def test_the_time_of_a_recording_is_that_of_its_first_record() -> None:
    assert rotation.time_of(b'{"timestamp":1767977160.5,"subsystem":"x"}') == 1767977160.5
    assert rotation.time_of(b"") == 0

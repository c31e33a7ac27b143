"""The spool: what it took it gives, in order, whatever happened to its process, its files or its disk."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import crash_points
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import lock
from appliance.errors import CannotCreate, InUse
from appliance.ship import record
from appliance.ship.record import Record
from appliance.ship.spool import Limits, Spool

START = 1_767_977_160
SMALL = Limits(bytes=64 << 10, segment_bytes=4 << 10, free_share=0)


def sample(at: int, size: int = 100) -> bytes:
    """Lines of a recording, of two sources."""
    text = json.dumps("x" * size + '"},{"timestamp":\n')
    return b"".join(
        b'{"timestamp":%d,"subsystem":"%s","measurement":%s}\n' % (START + at, name, text.encode())
        for name in (b"/proc/stat", b"/proc/meminfo")
    )


def times(samples: list[bytes]) -> list[int]:
    return [int(Record(0, 0, "", 0, each).timestamp) - START for each in samples]


def drain(spool: Spool, limit: int = 7) -> list[bytes]:
    """Take all of it, batch by batch, as a sender does."""
    taken: list[bytes] = []
    while (batch := spool.batch(limit)) is not None:
        taken += batch.samples
        spool.remove(batch.last)
    return taken


@contextmanager
def opened(folder: Path, limits: Limits | None = None, machine: str = "web-1") -> Iterator[Spool]:
    spool = Spool(folder, machine, limits=limits)
    yield spool
    spool.close()


def fill(folder: Path, count: int, limits: Limits = SMALL, start: int = 0) -> None:
    """Leave samples in a spool, as a process that ended."""
    with opened(folder, limits) as spool:
        for at in range(start, start + count):
            spool.put(7, sample(at))


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def test_what_was_put_comes_out_in_order_and_is_gone_when_it_is_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        for at in range(20):
            spool.put(7, sample(at))

        batch = spool.batch(8)

        assert batch is not None
        assert (batch.machine, batch.run, times(batch.samples), batch.last) == ("web-1", 7, list(range(8)), 8)
        assert spool.batch(8) == batch
        spool.remove(batch.last)
        assert len(spool) == 12
        assert times(drain(spool)) == list(range(8, 20))
        assert (len(spool), spool.since) == (0, None)


def test_a_batch_is_of_one_machine_and_one_run(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        spool.put(1, sample(0))
    with opened(tmp_path, machine="db-1") as spool:
        spool.put(1, sample(1))
        spool.put(2, sample(2))

        found = []
        while (batch := spool.batch(10)) is not None:
            found.append((batch.machine, batch.run, times(batch.samples)))
            spool.remove(batch.last)

    assert found == [("web-1", 1, [0]), ("db-1", 1, [1]), ("db-1", 2, [2])]


def test_what_a_killed_process_left_is_there(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom appliance.ship.spool import Spool\n"
        f"spool = Spool(Path({str(tmp_path)!r}), 'web-1')\n"
        f'for at in range(30): spool.put(7, b\'{{"timestamp":%d,"subsystem":"s"}}\\n\' % ({START} + at))\n'
        "os.kill(os.getpid(), 9)"
    )

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert done.returncode == -signal.SIGKILL
    with opened(tmp_path) as spool:
        assert len(spool) == 30
        assert times(drain(spool)) == list(range(30))


def test_a_new_process_goes_on_where_the_old_one_was(tmp_path: Path) -> None:
    with opened(tmp_path, SMALL) as spool:
        for at in range(50):
            spool.put(7, sample(at))
        for _ in range(3):
            batch = spool.batch(10)
            assert batch is not None
            spool.remove(batch.last)

    with opened(tmp_path, SMALL) as spool:
        assert len(spool) == 20
        spool.put(8, sample(50))
        assert times(drain(spool)) == list(range(30, 51))


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b'{"segment":1,"offset":99999,"number":77}', b"\xff",
                                     b'{"segment":9999,"offset":0,"number":9999}'])  # fmt: skip
def test_the_cursor_is_only_advice(tmp_path: Path, content: bytes | None) -> None:
    fill(tmp_path, 40)
    with opened(tmp_path, SMALL) as spool:
        batch = spool.batch(5)
        assert batch is not None
        spool.remove(batch.last)
    if content is None:
        (tmp_path / "cursor").unlink()
    else:
        (tmp_path / "cursor").write_bytes(content)

    with opened(tmp_path, SMALL) as spool:
        taken = times(drain(spool))

    # What was sent comes again, and a receiver stores it once; what was not is there.
    assert taken == list(range(40))


def test_an_old_cursor_hides_no_new_sample(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    with opened(tmp_path, SMALL) as spool:
        drain(spool)
    assert segments(tmp_path) == []

    fill(tmp_path, 10, start=10)

    with opened(tmp_path, SMALL) as spool:
        assert times(drain(spool)) == list(range(10, 20))


def test_a_torn_tail_is_cut(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    last = segments(tmp_path)[-1]
    with last.open("ab") as file:
        file.write(last.read_bytes().splitlines(keepends=True)[-1][:50])

    with opened(tmp_path, SMALL) as spool:
        assert spool.segments.torn_bytes == 50
        spool.put(8, sample(10))
        assert times(drain(spool)) == list(range(11))


@given(st.data())
def test_a_damaged_record_costs_itself(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("spool")
    fill(folder, 60)
    path = data.draw(st.sampled_from(segments(folder)))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)

    with opened(folder, SMALL) as spool:
        taken = drain(spool)

    # A flipped line end joins two records.
    assert 58 <= len(taken) < 60
    assert set(taken) <= {record.joined(sample(at)) for at in range(60)}
    assert times(taken) == sorted(times(taken))


@pytest.mark.parametrize("gone", [0, 2, -1])
def test_a_segment_that_is_missing_costs_itself(tmp_path: Path, gone: int) -> None:
    fill(tmp_path, 60)
    path = segments(tmp_path)[gone]
    lost = path.read_bytes().count(b"\n")
    path.unlink()

    with opened(tmp_path, SMALL) as spool:
        assert len(drain(spool)) == 60 - lost
        assert len(spool) == 0


def test_a_zero_filled_tail_is_skipped(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    with segments(tmp_path)[-1].open("ab") as file:
        file.write(bytes(5000) + b"\n")

    with opened(tmp_path, SMALL) as spool:
        assert times(drain(spool)) == list(range(10))
        assert spool.segments.skipped


def test_a_full_spool_drops_its_oldest_segment_and_tells_of_the_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, SMALL) as spool:
        for at in range(300):
            spool.put(7, sample(at))

        assert spool.segments.size_bytes <= SMALL.bytes + SMALL.segment_bytes
        taken = drain(spool)

    gaps = [json.loads(json.loads(each)["measurement"]) for each in taken if record.GAP.encode() in each]
    kept = times([each for each in taken if record.GAP.encode() not in each])
    assert kept == list(range(kept[0], 300))
    assert sum(gap["dropped"] for gap in gaps) == spool.dropped == kept[0] > 50
    assert min(gap["from"] for gap in gaps) == START
    assert max(gap["to"] for gap in gaps) == START + kept[0] - 1
    assert "dropped from the spool" in caplog.text


def test_too_old_samples_are_dropped(tmp_path: Path) -> None:
    fill(tmp_path, 60)
    old = segments(tmp_path)[0]
    lost = old.read_bytes().count(b"\n")
    os.utime(old, (0, 0))

    with opened(tmp_path, SMALL) as spool:
        spool.put(8, sample(60))
        assert spool.dropped == lost
        assert len(drain(spool)) == 60 - lost + 2


def test_memory_holds_one_batch_of_any_backlog(tmp_path: Path) -> None:
    fill(tmp_path, 2000, Limits(segment_bytes=16 << 10, sync_seconds=60))

    with opened(tmp_path) as spool:
        read = 0
        original = spool.segments.read
        spool.segments.read = lambda at: (read_one(each) for each in original(at))  # type: ignore[method-assign]

        def read_one(each: object) -> object:
            nonlocal read
            read += 1
            return each

        batch = spool.batch(60)

        assert batch is not None
        assert (read, len(batch.samples)) == (61, 60)


def test_two_do_not_share_a_spool(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(InUse) as refused:
        Spool(tmp_path, "web-1")

    assert refused.value.exit_code == 73
    assert f"the spool {tmp_path} is in use" in refused.value.message


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotCreate) as refused:
        Spool(tmp_path / "file" / "spool", "web-1")

    assert refused.value.message.endswith("cannot be used: Not a directory.")


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    fill(tmp_path / "spool", 1)

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in segments(tmp_path / "spool"))


def test_an_empty_spool_may_leave_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "web-1", keep_folder=False)
    spool.put(1, sample(1))
    drain(spool)

    spool.close()

    assert not (tmp_path / "spool").exists()


@contextmanager
def file_size(limit: int) -> Iterator[None]:
    """A disk that takes no more: every write beyond a size fails, in this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fails_is_waited_for_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as spool:
        for at in range(5):
            spool.put(7, sample(at))
        with file_size(10):
            for at in range(5, 10):
                spool.put(7, sample(at))
            batch = spool.batch(100)
            assert batch is not None
            assert (times(batch.samples), len(spool), spool.working) == (list(range(5)), 10, False)
        spool.disk_again = 0.5
        spool.put(7, sample(10))

        assert spool.working
        assert times(drain(spool)) == list(range(11))
    assert [message.partition(str(tmp_path))[2][:25] for message in caplog.messages] == [
        " cannot be written: File ", " can be written again.",
    ]  # fmt: skip


def test_what_was_given_from_memory_is_removed_wherever_it_is_now(tmp_path: Path) -> None:
    with opened(tmp_path) as spool:
        with file_size(10):
            for at in range(6):
                spool.put(7, sample(at))
            batch = spool.batch(4)
        spool.disk_again = 0.5
        spool.put(7, sample(6))

        assert batch is not None
        spool.remove(batch.last)

        assert times(drain(spool)) == [4, 5, 6]


def test_memory_is_bounded_too_and_the_gap_is_told(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=5 * len(sample(1)))
    with opened(tmp_path, limits) as spool:
        with file_size(10):
            for at in range(12):
                spool.put(7, sample(at))
        spool.disk_again = 0.5
        spool.put(7, sample(12))

        *taken, gap = drain(spool)

    assert times(taken) == list(range(7, 13))
    said = json.loads(json.loads(gap)["measurement"])
    assert said == {"from": START, "to": START + 6, "dropped": 7}


def test_a_folder_that_somebody_removed_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path / "spool") as spool:
        for at in range(5):
            spool.put(7, sample(at))
        shutil.rmtree(tmp_path / "spool")
        for at in range(5, 8):
            spool.put(7, sample(at))
        spool.disk_again = 0.5
        spool.put(7, sample(8))

        assert times(drain(spool)) == [5, 6, 7, 8]
        assert spool.dropped == 5
    assert "cannot be written: its files were removed" in caplog.text


def test_what_is_in_memory_at_the_end_goes_to_the_disk_if_it_can(tmp_path: Path) -> None:
    with opened(tmp_path) as spool, file_size(10):
        spool.put(7, sample(0))

    with opened(tmp_path) as spool:
        assert times(drain(spool)) == [0]


HOSTS = [
    {"machine_id": "a", "hostname": "one", "boot_id": "1"},
    {"machine_id": "b", "hostname": "two", "boot_id": "2"},
]


def test_a_spool_that_was_copied_to_another_machine_is_noticed_and_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Spool(tmp_path, "web-1", HOSTS[0])
    first.put(1, sample(0))
    first.close()

    second = Spool(tmp_path, "web-2", HOSTS[1])
    second.put(2, sample(1))

    found = []
    while (batch := second.batch(10)) is not None:
        found.append((batch.machine, batch.run))
        second.remove(batch.last)
    second.close()
    assert second.other_host
    assert found == [("web-1", 1), ("web-2", 2)]
    assert "comes from another machine (one)" in caplog.text


def test_a_clone_with_the_same_id_and_name_is_noticed_by_its_boot(tmp_path: Path) -> None:
    clone = {**HOSTS[0], "boot_id": "3"}
    Spool(tmp_path, "web-1", HOSTS[0]).close()
    owner = json.loads((tmp_path / "STORE").read_text())

    # Before this machine was booted: that was this machine, before.
    (tmp_path / "STORE").write_text(json.dumps({**owner, "started": 1000}))
    rebooted = Spool(tmp_path, "web-1", clone)
    rebooted.close()
    # After that, and in another boot: it cannot have been this machine.
    (tmp_path / "STORE").write_text(json.dumps({**owner, "started": 4_000_000_000}))
    cloned = Spool(tmp_path, "web-1", clone)
    cloned.close()

    assert (rebooted.other_host, cloned.other_host) == (False, True)


def test_a_lock_whose_file_was_removed_is_no_lock(tmp_path: Path) -> None:
    first = lock.take(tmp_path / "LOCK")
    assert first is not None
    assert lock.take(tmp_path / "LOCK") is None
    assert lock.is_held(tmp_path / "LOCK")

    (tmp_path / "LOCK").unlink()
    second = lock.take(tmp_path / "LOCK")

    assert second is not None
    for descriptor in (first, second):
        os.close(descriptor)
    assert not lock.is_held(tmp_path / "LOCK")


@given(st.integers(1, 2**63), st.integers(0, 2**63), st.integers(0, 2**62), st.lists(st.text(), min_size=1))
def test_a_record_is_read_as_it_was_written(number: int, run: int, at_ms: int, texts: list[str]) -> None:
    lines = b"".join(
        json.dumps({"timestamp": 5, "subsystem": "s", "measurement": text}, separators=(",", ":")).encode() + b"\n"
        for text in texts
    )

    line = record.encode(Record(number, run, "web-1", at_ms, lines))

    decoded = record.decode(line)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert decoded == Record(number, run, "web-1", at_ms, record.joined(lines))
    assert record.as_lines(decoded.sample) == lines


@given(st.data())
def test_no_damaged_line_is_a_record(data: st.DataObject) -> None:
    line = record.encode(Record(1, 2, "web-1", 3, sample(1)))
    start = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:start] + data.draw(st.binary(max_size=9)) + line[data.draw(st.integers(start, len(line))) :]

    assert damaged == line or record.decode(damaged) is None


@pytest.mark.parametrize("when", ["3", "3+", "1"])
def test_a_sync_that_fails_loses_nothing(tmp_path: Path, when: str) -> None:
    """Asked again, the kernel would say that all is well: what may be lost is written again."""
    code = crash_points.spool_under(tmp_path, f"fdatasync:error=EIO:when={when}")

    assert code == 0
    # Where it never works, samples stay in the memory of a process that has ended.
    assert when == "3+" or crash_points.lost(tmp_path) == set()

"""The store over its life: killed and refused by the disk at every call, spoilt, full, and with many tenants."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from aging import MIDNIGHT, TENANT, add, make, merge_all, retain, times
from cut_short import CALLS, CASES, Case, Ingest, Merging
from injected import Point
from spoilt import decode_unchecked, read_after_flips
from test_full_disk import fill, mounted_disk
from test_lives_of_stores import MANY

from appliance.errors import InsufficientStorage
from appliance.store import codec, space
from appliance.store.blocks import DAY_MS
from appliance.store.space import RESERVE, Space
from appliance.store.tenant import Block, TenantStore

ERRORS = ("error=EIO", "error=ENOSPC")
SEED = 20_261_125
DISK_BYTES = 24 << 20
STEP_BYTES = 128 << 10


def told(points: list[Point]) -> None:
    print(f"{len(points)} places", dict(Counter((point.left, point.ended.partition(":")[0]) for point in points)))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", CASES)
def test_a_kill_at_any_call_leaves_before_or_after(tmp_path: Path, case: type[Case], call: str) -> None:
    points = case(tmp_path).sweep(tmp_path, call, "signal=KILL")

    told(points)
    assert {point.left for point in points} <= {"kept", "whole"}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", CASES)
def test_an_error_at_any_call_leaves_before_or_after_and_a_sentence(
    tmp_path: Path, case: type[Case], call: str, error: str
) -> None:
    points = case(tmp_path).sweep(tmp_path, call, error)

    told(points)
    assert {point.left for point in points} <= {"kept", "whole"}
    assert [point for point in points if not point.ended.startswith(("refused", "done"))] == []


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["pwrite64", "fsync,fdatasync"])
def test_a_disk_that_fails_for_ever_acknowledges_nothing_more(tmp_path: Path, call: str, error: str) -> None:
    # "when=3+" is the third call and all after it.
    points = Ingest(tmp_path).sweep(tmp_path, call, error, plus="+")

    told(points)
    assert {point.left for point in points} == {"kept"}
    # What fails only when the file is closed was acknowledged before: it is in the log of changes.
    assert {point.ended.partition(":")[0] for point in points} == {"refused", "done"}


def test_control_what_was_acknowledged_too_early_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ingest, "early", True)

    assert "lost" in {point.left for point in Ingest(tmp_path).sweep(tmp_path, "pwrite64", "signal=KILL")}


def test_control_merging_in_two_transactions_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(_: Merging, data: Path) -> None:
        with TenantStore(data, TENANT) as store:
            Block.delete().where(Block.id > 1).execute(store.database)
            merge_all(store)

    monkeypatch.setattr(Merging, "act", act)

    assert "other" in {point.left for point in Merging(tmp_path).sweep(tmp_path, "pwrite64", "signal=KILL")}


def test_none_of_1000_flipped_bits_is_read_as_another_value(data: Path) -> None:
    counted = read_after_flips(data, 1000, SEED)

    print(dict(counted))
    assert counted["wrong"] == 0


def test_control_without_checksums_they_are(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "decode", decode_unchecked)

    assert read_after_flips(data, 200, SEED)["wrong"] > 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted_disk(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


def fill_to(disk: Path, free_bytes: int) -> None:
    """Let another program take all of a disk but so much."""
    other = disk / "foreign"
    other.unlink(missing_ok=True)
    fill(other)
    size = max(0, other.stat().st_size - free_bytes)
    with other.open("r+b") as file:
        file.truncate(size)


def test_at_every_level_of_a_full_disk_what_was_acknowledged_stays(small_disk: Path) -> None:
    data = small_disk / "data"
    make(data, 1, 1)
    acknowledged: set[int] = set()
    refused = 0
    noise = np.random.default_rng(1)
    with TenantStore(data, TENANT, space=Space(data, 0)) as store:
        acknowledged |= set(times(store))
        for level in range(64):
            fill_to(small_disk, level * STEP_BYTES // 4)
            start = MIDNIGHT + (10 + level) * DAY_MS
            at_ms = sorted({start + at for at in noise.integers(0, DAY_MS, 5000).tolist()})
            try:
                add(store, at_ms)
                acknowledged |= set(at_ms)
            except InsufficientStorage:
                refused += 1
            assert set(times(store)) == acknowledged

    print(f"{refused} of 64 batches found no room")
    assert 0 < refused < 64


def test_the_floor_refuses_before_the_disk_is_full(small_disk: Path) -> None:
    data = small_disk / "data"
    make(data, 1, 1)
    with TenantStore(data, TENANT) as store:
        fill_to(small_disk, DISK_BYTES // 4 - (1 << 20))

        with pytest.raises(InsufficientStorage, match="are kept free"):
            add(store, [MIDNIGHT])

        assert len(times(store)) == 10
        assert space.room(data)[0] > DISK_BYTES // 5


def test_on_a_full_disk_the_reserve_lets_old_data_be_removed(small_disk: Path) -> None:
    data = small_disk / "data"
    make(data)
    kept = Space(data, 0, 1 << 20)
    kept.keep_reserve()
    with TenantStore(data, TENANT, space=kept) as store:
        fill_to(small_disk, 0)
        before = times(store)

        removed = retain(store)

        assert removed.blocks == 24
        assert 0 < len(times(store)) < len(before)
        assert not (data / RESERVE).exists()
        (small_disk / "foreign").unlink()
        kept.keep_reserve()
        assert (data / RESERVE).exists()
        add(store, [MIDNIGHT + 50 * DAY_MS])


def test_control_without_a_reserve_nothing_can_be_removed(small_disk: Path) -> None:
    data = small_disk / "data"
    make(data)
    with TenantStore(data, TENANT, space=Space(data, 0, 0)) as store:
        fill_to(small_disk, 0)

        with pytest.raises(InsufficientStorage):
            retain(store)


def test_2000_tenants_with_256_open_files(data: Path) -> None:
    beside = Path(__file__).parents[1] / "store"

    done = subprocess.run(
        [sys.executable, "-c", MANY, str(data), str(beside), "2000", "256"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    print(f"{done.stdout.strip()} of 2,000 open at the end")

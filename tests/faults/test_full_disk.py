"""The disk under the spool is full: samples wait in memory, and on the disk again when there is room."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from collecting import MACHINE, RUN, full_sample

from appliance.ship import record
from appliance.ship.spool import Limits, Spool

COUNT = 1500
DISK_BYTES = 4 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    with mounted_disk(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


@contextmanager
def mounted_disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs to mount a tmpfs: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)


def through_a_full_disk(disk: Path, limits: Limits) -> tuple[Spool, list[int], list[dict[str, int]]]:
    """Put samples before, while and after the disk is full; return what came out, and the gaps that are told."""
    spool = Spool(disk / "spool", MACHINE, limits=limits)
    for number in range(100):
        spool.put(RUN, full_sample(number))
    fill(disk / "foreign")
    for number in range(100, COUNT - 1):
        spool.put(RUN, full_sample(number))
    full = len(spool.memory)
    (disk / "foreign").unlink()
    spool.disk_again = 0.5
    spool.put(RUN, full_sample(COUNT - 1))
    print(f"{full} samples waited in memory, {spool.dropped} were dropped")
    numbers: list[int] = []
    gaps: list[dict[str, int]] = []
    while (batch := spool.batch(60)) is not None:
        for sample in batch.samples:
            gap = record.told_gap(record.Record(0, RUN, MACHINE, 0, sample))
            if gap:
                gaps.append(json.loads(json.loads(sample)["measurement"]))
            else:
                numbers.append(int(json.loads(b"[" + record.joined(sample) + b"]")[0]["measurement"].split()[1]) - 100)
        spool.remove(batch.last)
    spool.close()
    return spool, numbers, gaps


def test_what_finds_no_room_on_the_disk_waits_in_memory(small_disk: Path) -> None:
    spool, numbers, gaps = through_a_full_disk(small_disk, Limits(free_share=0, bytes=64 << 20))

    assert numbers == list(range(COUNT))
    assert (spool.dropped, gaps) == (0, [])


def test_what_finds_no_room_in_memory_either_is_told(small_disk: Path) -> None:
    limits = Limits(free_share=0, bytes=64 << 20, memory_bytes=1 << 20)

    spool, numbers, gaps = through_a_full_disk(small_disk, limits)

    assert numbers == sorted(set(numbers))
    assert len(numbers) + spool.dropped == COUNT
    assert sum(gap["dropped"] for gap in gaps) == spool.dropped > 0
    assert (numbers[0], numbers[-1]) == (0, COUNT - 1)


def test_control_without_memory_more_is_lost(small_disk: Path) -> None:
    limits = Limits(free_share=0, bytes=64 << 20, memory_bytes=1)

    spool, numbers, _ = through_a_full_disk(small_disk, limits)

    assert spool.dropped > COUNT / 2
    assert len(numbers) < COUNT / 2

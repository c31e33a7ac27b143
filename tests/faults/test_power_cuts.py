"""The power is cut under a receiver's store, a collector's spool and a site that is published, on two file systems."""

import random
import shutil
import sys
from pathlib import Path

import pytest
import spooling
from collecting import MACHINE
from power_cut import FULL, NORMAL, Disk, disk, said_until_cut
from power_cut import lost as lost_batches

from appliance.ship.spool import Spool

ROUNDS, CONTROL_ROUNDS = 50, 5
UNFLUSHED = "import os; os.fsync = os.fdatasync = lambda descriptor: None\n"
PUT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from collecting import MACHINE, RUN, sample
from appliance.ship.spool import Limits, Spool
spool = Spool(Path(sys.argv[1]), MACHINE, limits=Limits(segment_bytes=100_000, free_share=0))
for number in range(100_000):
    spool.put(RUN, sample(number))
    if not spool.working:
        # Without power nothing runs on, and no memory takes over from the disk.
        os._exit(1)
    os.write(1, b"%d\\n" % number)
"""
PUBLISH = """
import os, sys
from pathlib import Path
from static_site.publish import publish
for number in range(100_000):
    version = b"%d" % number * 2000
    files = {"site.json": b'{"generator": "perfanalysis"}', "index.html": version, "m/a/index.html": version}
    publish(files, Path(sys.argv[1]))
    os.write(1, b"%d\\n" % number)
"""
kinds = pytest.mark.parametrize("kind", ["ext4", "xfs"])


def lost_samples(on: Disk, rounds: int, program: str) -> tuple[int, int]:
    """Cut the power under a spool; return how many samples it promised to keep, and how many of them are lost."""
    chance = random.Random(2)
    promised = missing = 0
    for number in range(rounds):
        folder = on.folder / f"spool-{number}"
        command = [sys.executable, "-c", program, folder, Path(spooling.__file__).parent]
        said = {int(line) for line in said_until_cut(on, command, chance.uniform(0, 0.4))}
        kept = []
        spool = Spool(folder, MACHINE)
        while (batch := spool.batch(100)) is not None:
            kept += [int(sample.partition(b"cpu  ")[2].split()[0]) - 100 for sample in batch.samples]
            spool.remove(batch.last)
        spool.close()
        assert kept == sorted(set(kept))
        promised += len(said)
        missing += len(said - set(kept))
        shutil.rmtree(folder)
    return promised, missing


def broken_sites(on: Disk, rounds: int, program: str) -> tuple[int, int]:
    """Cut the power under a site; return how often it was published, and how many times no whole one was left."""
    chance = random.Random(3)
    published = broken = 0
    for number in range(rounds):
        site = on.folder / f"site-{number}"
        said = said_until_cut(on, [sys.executable, "-c", program, site], chance.uniform(0, 0.4))
        pages = [site / "index.html", site / "m/a/index.html"]
        texts = {page.read_text() if page.exists() else "" for page in pages}
        version = len(said) - 1
        # The last one that was told of, or one that was put in its place while the power failed.
        broken += not any(texts == {str(found) * 2000} for found in range(version, version + 20))
        published += len(said)
        shutil.rmtree(site, ignore_errors=True)
    return published, broken


@kinds
def test_no_batch_that_was_acknowledged_is_lost(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        acknowledged, missing = lost_batches(on, ROUNDS, FULL, seed=1)

    print(f"{ROUNDS} power cuts on {kind}: {missing} of {acknowledged} batches lost")
    assert acknowledged > ROUNDS
    assert missing == 0


@kinds
def test_control_without_a_flush_for_each_commit_batches_are_lost(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        acknowledged, missing = lost_batches(on, CONTROL_ROUNDS, NORMAL, seed=1)

    print(f"{CONTROL_ROUNDS} power cuts on {kind}, synchronous=NORMAL: {missing} of {acknowledged} batches lost")
    assert missing


@kinds
def test_no_sample_that_the_spool_promised_to_keep_is_lost(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        promised, missing = lost_samples(on, ROUNDS, PUT)

    print(f"{ROUNDS} power cuts on {kind}: {missing} of {promised} samples lost")
    assert promised > ROUNDS
    assert missing == 0


@kinds
def test_control_a_spool_that_does_not_flush_loses_samples(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        _, missing = lost_samples(on, CONTROL_ROUNDS, UNFLUSHED + PUT)

    assert missing


@kinds
def test_a_site_is_the_old_or_the_new_one(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        published, broken = broken_sites(on, ROUNDS, PUBLISH)

    print(f"{ROUNDS} power cuts on {kind}: {broken} sites broken, {published} published")
    assert published > ROUNDS
    assert broken == 0


@kinds
def test_control_a_site_that_is_not_flushed_is_broken(tmp_path: Path, kind: str) -> None:
    with disk(tmp_path, kind) as on:
        _, broken = broken_sites(on, CONTROL_ROUNDS, UNFLUSHED + PUBLISH)

    assert broken

"""Copies of data folders: made while somebody writes, while something goes wrong, and with bits that flipped."""

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from keeping import NOON, fill, refusal

from appliance.errors import PerfanalysisError
from appliance.store import any_schema, archive, backup, restore, tenant
from appliance.store.tenant import folder_of

WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from keeping import batch
from appliance.store.batches import add_batch
from appliance.store.tenant import TenantStore
with TenantStore(Path(sys.argv[1]), "team-a") as store:
    for number in range(100_000):
        add_batch(store, batch(number))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


def extracted(path: Path, folder: Path) -> Path:
    with tarfile.open(path) as tar:
        # Older ones of Python 3.11 know no filters.
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder


Copy = Callable[[Path, Path], object]


def by_us(data: Path, target: Path) -> object:
    return backup.back_up(data, target)


def by_cp(data: Path, target: Path) -> object:
    """As a tar with the same names, without the log of the database."""
    with tarfile.open(target, "w") as tar:
        file = folder_of(data, "team-a") / "data.sqlite"
        tar.add(file, str(file.relative_to(data)))
    return None


def one_state(path: Path, folder: Path, acknowledged: int) -> bool:
    """Whether a copy of a tenant's file has all batches from the first on, and those that were acknowledged."""
    copy = next(extracted(path, folder).glob("tenants/*/data.sqlite"))
    try:
        with any_schema.reading(copy, tenant.MIGRATIONS) as opened:
            batches_, samples, last = opened.execute_sql(
                "SELECT (SELECT count(*) FROM batch), (SELECT sum(samples) FROM block), (SELECT max(end_ms) FROM block)"
            ).fetchone()
    except PerfanalysisError:
        return False
    return bool(batches_ == samples == last - NOON + 1 > acknowledged)


def under_commits(data: Path, folder: Path, rounds: int, copy: Copy = by_us) -> tuple[int, int]:
    """Copy while another process commits; return how many copies are one state, and how many batches were committed."""
    fill(data, "team-a")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WRITER, str(data), str(Path(__file__).parent)]
    good, said = 0, [-1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as writer:
        stream = writer.stdout
        assert stream is not None
        reader = threading.Thread(target=lambda: said.extend(map(int, stream)))
        reader.start()
        while len(said) < 50:
            time.sleep(0.01)
        for turn in range(rounds):
            acknowledged = said[-1]
            copy(data, folder / f"{turn}")
            good += one_state(folder / f"{turn}", folder / f"of {turn}", acknowledged)
            shutil.rmtree(folder / f"of {turn}")
        writer.kill()
        reader.join()
    return good, len(said) - 1


def backing_up(data: Path) -> Callable[[Path], Callable[[], object]]:
    return lambda place: lambda: backup.back_up(data, place / "backup")


def copying(path: Path) -> Callable[[Path], Callable[[], object]]:
    """What the tests below would find fault with: a copy that is written under its name."""
    return lambda place: lambda: shutil.copyfile(path, place / "backup")


def look(place: Path) -> str:
    """Say what there is under the name of a backup."""
    if not (place / "backup").exists():
        return "none"
    error = refusal(lambda: restore.restore(place / "new", place / "backup"))
    return "whole" if error is None else f"half: {error.message}"


def look_for_rests(place: Path) -> str:
    return f"rests: {rests}" if (rests := [each.name for each in place.glob(".*")]) else look(place)


def unseen_flips(data: Path, folder: Path, count: int, seed: int) -> int:
    """Flip one bit after the other of a backup; return how many backups are opened as if nothing were."""
    path = backup.back_up(data, folder / "backup").path
    whole = path.read_bytes()
    unseen = 0
    for at in np.random.default_rng(seed).integers(0, 8 * len(whole), count).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        unseen += refusal(lambda: open_and_leave(path)) is None
    return unseen


def open_and_leave(path: Path) -> None:
    with archive.opened(path, archive.BACKUP):
        pass

"""A disk whose power is cut while something is written to it: a file system in a file, shut down in the midst of it."""

import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.store import history
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

MAKE = {"ext4": (["mkfs.ext4", "-q", "-F"], 64 << 20), "xfs": (["mkfs.xfs", "-q", "-f"], 320 << 20)}
"""How to make a file system, and how large."""
FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
WRITER = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_commits import batch
from appliance.store.batches import add_batch
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore
data = Path(sys.argv[1])
Registry(data).create_tenant("default")
store = TenantStore(data, "default")
store.database.execute_sql(f"PRAGMA synchronous = {int(sys.argv[2])}")
def write(thread):
    for turn in range(100_000):
        add_batch(store, batch(thread * 100_000 + turn, f"m{thread}"))
        os.write(1, f"{thread} {turn}\\n".encode())
for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""
THREADS, FULL, NORMAL = 4, 2, 1
NOON_MS = 86_400_000 * 20_000 + 43_200_000


class Disk:
    """A file system in a file; `folder` is where it is while it is mounted."""

    def __init__(self, place: Path, kind: str) -> None:
        self.image, self.folder = place / f"{kind}.image", place / kind
        self.folder.mkdir()
        make, size = MAKE[kind]
        if shutil.which(make[0]) is None:
            pytest.skip(f"needs {make[0]}")
        with self.image.open("wb") as file:
            file.truncate(size)
        subprocess.run([*make, self.image], check=True, capture_output=True)
        done = self.mount()
        if done.returncode:
            pytest.skip(f"needs to mount a file: {done.stderr.decode().strip()}")

    def mount(self) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(["mount", "-o", "loop", self.image, self.folder], capture_output=True, check=False)

    def cut(self) -> None:
        """Cut the power: what was not written to the disk by now never will be."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def again(self) -> None:
        """Switch it on again."""
        self.unmount()
        assert self.mount().returncode == 0

    def unmount(self) -> None:
        for _ in range(300):
            if subprocess.run(["umount", self.folder], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "--lazy", self.folder], check=False)


@contextmanager
def disk(place: Path, kind: str) -> Iterator[Disk]:
    if os.geteuid():
        pytest.skip("needs root, who may mount")
    made = Disk(place, kind)
    try:
        yield made
    finally:
        made.unmount()
        made.image.unlink()


def said_until_cut(on: Disk, command: list[str | Path], seconds: float) -> list[str]:
    """Run a program, cut the power some time after its first line, and return the lines that it had printed by then."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as writer:
        assert writer.stdout is not None
        listening = threading.Thread(target=said.extend, args=(writer.stdout,))
        listening.start()
        while not said and writer.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        # Not what is said later: the kernel is not done at once, and whoever had power then would have had it before.
        heard = said.copy()
        on.cut()
        writer.kill()
        listening.join()
    on.again()
    return heard


def stored(data: Path) -> Counter[tuple[int, int]]:
    """Return how often each batch is stored; a file that is not sound is an error."""
    found: Counter[tuple[int, int]] = Counter()
    Registry(data).close()
    with TenantStore(data, "default") as store:
        assert store.database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
        for thread in range(THREADS):
            for part in history.read(store, f"m{thread}"):
                found.update((thread, (at - NOON_MS) - thread * 100_000) for at in part.at_ms.tolist())
    return found


def lost(on: Disk, rounds: int, synchronous: int, seed: int) -> tuple[int, int]:
    """Cut the power so many times; return how many batches were acknowledged, and how many of them are lost."""
    chance = random.Random(seed)
    acknowledged = missing = 0
    for number in range(rounds):
        name = f"data-{number}"
        command = [sys.executable, "-c", WRITER, on.folder / name, str(synchronous), Path(__file__).parent]
        lines = said_until_cut(on, command, chance.uniform(0, 0.4))
        said = {(int(thread), int(turn)) for thread, turn in map(str.split, lines)}
        try:
            found = stored(on.folder / name)
        except Exception:
            # Without what was acknowledged the file may not even be a database.
            if synchronous == FULL:
                raise
            found = Counter()
        assert set(found.values()) <= {1}
        acknowledged += len(said)
        missing += len(said - found.keys())
        shutil.rmtree(on.folder / name)
    return acknowledged, missing

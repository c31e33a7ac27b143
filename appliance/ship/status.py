"""
What a collector tells of itself while it runs: a small JSON file, which `perfanalysis status` reads.

Beside it lies a lock, which the kernel frees when the collector ends in whatever way: so it is known which of them run.
"""

import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from appliance import lock, memory
from appliance.errors import InUse

logger = logging.getLogger(__name__)
FOLDER = "collectors"
VERSION = 1
ALWAYS = {"pid", "mode", "target", "machine_id", "interval_seconds", "started", "updated", "state", "samples", "late",
          "unread", "cpu_seconds", "cpu_ms_per_sample", "memory_bytes"}  # fmt: skip
SOONEST_SECONDS, WRITE_SECONDS = 1, 10
FEW_SAMPLES = 5
"""Of fewer, what each costs is not known."""
FORGET_SECONDS = 7 * 86400
"""How long the file of a collector that was killed is kept."""


def name_of(target: str, machine: str) -> str:
    """Return a name for files, of a receiver or recording and a machine."""
    shown = "".join(letter if letter.isalnum() else "-" for letter in target.rpartition("//")[2])
    return f"{shown[:60].strip('-')}-{machine}-{zlib.crc32(f'{target} {machine}'.encode()):08x}"


class StatusFile:
    def __init__(self, state: Path, name: str) -> None:
        """Take a name in a state folder; raise OSError, or InUse if a collector that runs has it."""
        folder = state / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_old(folder)
        self.path, self.lock_path = folder / f"{name}.json", folder / f"{name}.lock"
        held = lock.take(self.lock_path)
        if held is None:
            raise InUse(f"another collector does the same already: perfanalysis status --state {state}")
        self.lock, self.new = held, str(self.path.with_suffix(".new"))

    def write(self, content: Mapping[str, Any]) -> None:
        # Without indentation Python's fast encoder does it: what costs a recorder little is more than what looks well.
        text = json.dumps(content) + "\n"
        with open(self.new, "w", encoding="utf-8") as file:  # noqa: PTH123 - as cheap as it can be, and so below
            file.write(text)
        os.replace(self.new, self.path)  # noqa: PTH105

    def close(self, *, keep: bool) -> None:
        with suppress(OSError):
            if not keep:
                self.path.unlink(missing_ok=True)
            self.lock_path.unlink(missing_ok=True)
        os.close(self.lock)


class Watch:
    """A sink that looks at the collector every few seconds and writes what it sees."""

    def __init__(
        self, described: Mapping[str, Any], look: Callable[[], Mapping[str, Any]],
        writers: list[Callable[[Mapping[str, Any]], None]],
    ) -> None:  # fmt: skip
        """`described` is what does not change, `look` gives what does; each writer may raise OSError."""
        self.described = {"version": VERSION, "pid": os.getpid(), **described, "started": round(time.time(), 3)}
        self.look, self.writers = look, writers
        self.samples = 0
        self.cpu_before = time.process_time()
        self.began = self.written = time.monotonic() - SOONEST_SECONDS
        self.failing = False

    def __call__(self, _: int, __: bytes) -> None:
        self.samples += 1
        if self.samples == 1:
            # Starting, and the first sample with all that does not change, are no cost of the others.
            memory.forget_start()
            self.cpu_before = time.process_time()
        # Often at first: who has just started it looks whether it works.
        now = time.monotonic()
        if now - self.written >= min(WRITE_SECONDS, self.written - self.began):
            self.write("running")

    def write(self, state: str) -> None:
        self.written = time.monotonic()
        content = self.content(state)
        for writer in self.writers:
            try:
                writer(content)
            except OSError as error:
                if not self.failing:
                    logger.warning("The status cannot be written: %s.", error.strerror)
                self.failing = True

    def content(self, state: str) -> dict[str, Any]:
        cpu_seconds = time.process_time()
        return {
            **self.described,
            "state": state,
            "updated": round(time.time(), 3),
            "samples": self.samples,
            "cpu_seconds": round(cpu_seconds, 3),
            "cpu_ms_per_sample": round(1000 * (cpu_seconds - self.cpu_before) / max(1, self.samples - 1), 3)
            if self.samples > FEW_SAMPLES
            else None,
            "memory_bytes": resident_bytes(),
            **self.look(),
        }


def resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb", 0) as file:  # noqa: PTH123
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class Collector(NamedTuple):
    name: str
    running: bool
    status: Mapping[str, Any]


def collectors(state: Path) -> Iterator[Collector]:
    """Give the collectors that a state folder knows, by name."""
    for path in sorted((state / FOLDER).glob("*.json")):
        try:
            status = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(status, dict) and status.get("version") == VERSION and status.keys() >= ALWAYS:
            yield Collector(path.stem, lock.is_held(path.with_suffix(".lock")), status)


def forget_old(folder: Path) -> None:
    """Remove what collectors left that were killed long ago."""
    oldest = time.time() - FORGET_SECONDS
    for path in folder.glob("*.json"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest and not lock.is_held(path.with_suffix(".lock")):
                path.unlink()
                path.with_suffix(".lock").unlink(missing_ok=True)

"""Runs `spooling` with a system call that fails or kills, by strace, and looks at what is left."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import spooling
from collecting import MACHINE

from appliance.ship.spool import Spool

COUNT = 30


def spool_under(folder: Path, injected: str, order: str = "after") -> int:
    """Use a spool in a folder while strace injects something into its system calls; return the exit code."""
    folder.mkdir(exist_ok=True)
    try:
        done = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={injected}", sys.executable, spooling.__file__,
             str(folder / "spool"), str(folder / "notes"), str(COUNT), order],
            capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs strace")
    if b"ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.decode().strip()[:200]}")
    return done.returncode


def lost(folder: Path) -> set[int]:
    """The samples that a spool promised to keep, were not removed, and do not come out of it any more."""
    notes = (folder / "notes").read_text() if (folder / "notes").exists() else ""
    taken = {int(number) for number in re.findall(r"^taken (\d+)$", notes, re.MULTILINE)}
    removed = max(map(int, re.findall(r"^removed (\d+)$", notes, re.MULTILINE)), default=-1)
    spool = Spool(folder / "spool", MACHINE)
    kept: list[int] = []
    while (batch := spool.batch(100)) is not None:
        kept += [int(re.search(rb"cpu  (\d+)", sample)[1]) - 100 for sample in batch.samples]  # type: ignore[index]
        spool.remove(batch.last)
    spool.close()
    assert kept == sorted(set(kept))
    return {number for number in taken - set(kept) if number > removed}

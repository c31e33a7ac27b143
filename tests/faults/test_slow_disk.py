"""The disk under the spool takes seconds for what takes milliseconds: not one tick is late for that."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from long_road import Receiver

SLOW_SECONDS = 2.5
SAMPLES = 9


def collect_on_a_slow_disk(real: Receiver, tmp_path: Path, delay_seconds: float) -> tuple[str, float]:
    """Record some seconds; return what was said in the end, and how long it took."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    inject = f"inject=fdatasync:delay_enter={round(delay_seconds * 1e6)}"
    started = time.monotonic()
    done = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", inject, sys.executable, "-m", "appliance",
         "collect", "--server", real.url, "--interval", "1s", "--duration", f"{SAMPLES - 1}s",
         "--state", str(tmp_path / "state")],
        env={**os.environ, "PCC_APIKEY": real.key}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1], time.monotonic() - started


def test_a_slow_disk_delays_no_sample(real: Receiver, tmp_path: Path) -> None:
    real.start()

    said, seconds = collect_on_a_slow_disk(real, tmp_path, SLOW_SECONDS)

    assert re.fullmatch(rf"{SAMPLES} samples, all stored by {real.url}\.", said)
    # The disk was as slow as it was meant to be, which is more than a second for each sample.
    assert seconds > SLOW_SECONDS * SAMPLES


def test_control_the_same_on_a_disk_that_is_not_slow_takes_as_long_as_it_records(
    real: Receiver, tmp_path: Path
) -> None:
    real.start()

    _, seconds = collect_on_a_slow_disk(real, tmp_path, 0)

    assert seconds < SLOW_SECONDS * SAMPLES

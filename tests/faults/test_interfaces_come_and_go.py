"""Real interfaces, with odd names, come and go many times a second while a recorder records: none costs a sample."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.analysis.run import Run
from appliance.formats import recording
from appliance.metrics import CPU_IDLE, RECEIVED_BYTES

SECONDS = 20
PLUG = """
for number in $(seq 1 10000); do
    ip link add "a.b$number" type veth peer name "c|$number" || exit 1
    sleep 0.0$((number % 7 + 1))
    ip link del "a.b$number"
done &
plugging=$!
"""
RECORD = """
"$0" -m appliance collect --interval 200ms --duration {seconds}s --mode local --machine-id web-1 --state "$1/state" \
    -o "$1/r.json"
code=$?
[ -z "$plugging" ] || kill $plugging
exit $code
"""


def recorded(folder: Path, environment: dict[str, str], script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script, sys.executable, str(folder)],
        env=environment, capture_output=True, text=True, timeout=SECONDS + 60, check=False,
    )  # fmt: skip


def names(path: Path) -> list[set[str]]:
    """Return the interfaces of each sample."""
    texts = [
        record["measurement"] for record in map(json.loads, path.read_text().splitlines())
        if record["subsystem"] == "/proc/net/dev"
    ]  # fmt: skip
    return [{line.partition(":")[0].strip(" ") for line in text.split("\n") if ":" in line} for text in texts]


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None,
    reason="needs root, ip and unshare to have interfaces come and go",
)


def test_interfaces_that_come_and_go_cost_no_sample(tmp_path: Path, environment: dict[str, str]) -> None:
    done = recorded(tmp_path, environment, PLUG + RECORD.format(seconds=SECONDS))

    if "RTNETLINK" in done.stderr or "rror: " in done.stderr:
        pytest.skip(f"this machine makes no interfaces: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    seen = names(tmp_path / "r.json")
    assert came_and_went(seen)
    parsed = recording.read(tmp_path / "r.json")
    assert (parsed.count, parsed.warnings) == (len(seen), [])
    run = Run("web-1", parsed.samples, parsed.facts)
    assert run.values(CPU_IDLE)["all"].notna().all()
    assert (run.rates(RECEIVED_BYTES).fillna(0) >= 0).all().all()
    assert set(run.values(RECEIVED_BYTES).columns) == set.union(*seen)


def test_control_where_nothing_is_plugged_nothing_comes_and_goes(tmp_path: Path, environment: dict[str, str]) -> None:
    done = recorded(tmp_path, environment, "plugging=\n" + RECORD.format(seconds=2))

    assert done.returncode == 0, done.stderr
    assert not came_and_went(names(tmp_path / "r.json"))


def came_and_went(seen: list[set[str]]) -> bool:
    """Say whether many interfaces of both names were there, most of them for a sample or two."""
    every = set.union(*seen)
    return all(sum(name.startswith(start) for name in every) > 5 for start in ("a.b", "c|")) and seen[-1] != every

"""The claim to a data folder: one process writes into it, and the others are told which."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import CannotCreate, InUse
from appliance.store.claim import claimed

HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from appliance.store.claim import claimed\n"
    "with claimed(Path(sys.argv[1]), 'perfanalysis serve'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the data folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(data)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_claim_is_refused_with_the_process_and_what_it_does(data: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(InUse, match=rf"in use by process {holder.pid} \(perfanalysis serve\): stop"), claimed(data):
        pass


def test_a_killed_process_leaves_no_claim_behind(data: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    with claimed(data, "perfanalysis import"):
        assert (data / "LOCK").read_text() == f"{os.getpid()} perfanalysis import\n"


def test_a_claim_may_be_taken_again_when_it_ended(data: Path) -> None:
    for _ in range(2):
        with claimed(data):
            pass


@pytest.mark.parametrize("text", [b"", b"x" * 5000, b"-1 \x1b[31m", b"\xff\xfe 12"])
def test_whatever_the_file_says_the_refusal_is_a_sentence(data: Path, text: bytes) -> None:
    with claimed(data):
        (data / "LOCK").write_bytes(text)

        with pytest.raises(InUse, match="in use by another process: stop"), claimed(data):
            pass


def test_a_file_in_the_way_of_the_folder_is_told(data: Path) -> None:
    data.write_text("")

    with pytest.raises(CannotCreate, match="a file is in the way"), claimed(data):
        pass

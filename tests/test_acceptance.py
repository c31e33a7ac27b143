"""The acceptance script of the whole: record, process, upload with curl, export, report, by the original names."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent

# The script of the contract as it stands; only the files' folder and the times differ.
SCRIPT = """
set -e
PCC_DURATION=4s PCC_FREQUENCY=1s PCC_MODE=local PCC_COLLECTION=$W/test_pcc.json pcc
PCR_COLLECTION=$W/test_pcc.json PCR_OUTDIR=$W/test_pcc.csv pcprocess
curl -sS --fail-with-body -X POST -H "Authorization: Bearer $XATBACKEND_APIKEY" -F "file=@$W/test_pcc.csv" \
     -F "machine_id=test-server" -F "tenant_id=$TENANT_ID" $XATBACKEND_URL/api/v1/performance/upload
perfanalysis export --machine-id test-server --start-date 2024-01-01 --end-date 2030-01-01 --output $W/exported.csv
perfanalysis report --data-file $W/exported.csv --output $W/report
"""


@pytest.fixture
def receiver(environment: dict[str, str], data: Path) -> Iterator[dict[str, str]]:
    """A real receiver on a free port, and the settings of a client that has a key for it."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    environment = {**environment, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["perfanalysis", "tenant", "create", "team-a", "--data", data], env=environment, check=True)
    key = subprocess.run(
        ["perfanalysis", "key", "create", "--data", data], env=environment, check=True, capture_output=True, text=True
    )
    server = subprocess.Popen(
        ["pcd", "--listen", "127.0.0.1:0", "--data", data],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    address = re.search(r"http://[0-9.]+:[0-9]+", server.stdout.readline())
    assert address is not None
    yield {
        **environment,
        "XATBACKEND_URL": address[0],
        "XATBACKEND_APIKEY": key.stdout.strip(),
        "TENANT_ID": "team-a",
    }
    server.send_signal(signal.SIGTERM)
    assert server.wait(10) == 0
    server.stdout.close()


@pytest.mark.parametrize("local", [False, True], ids=["through the receiver", "from the data folder"])
def test_the_acceptance_script_works_as_it_stands(
    receiver: dict[str, str], tmp_path: Path, data: Path, local: bool
) -> None:
    environment = {**receiver, "W": str(tmp_path), **({"PERFANALYSIS_DATA": str(data)} if local else {})}

    done = subprocess.run(
        ["bash", "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert '"status":"success"' in done.stdout.replace(" ", "")
    uploaded = (tmp_path / "test_pcc.csv").read_text().splitlines()
    exported = (tmp_path / "exported.csv").read_text().splitlines()
    assert len(exported) == len(uploaded) >= 4
    assert exported[0] == uploaded[0]
    assert {line.split(",")[1] for line in exported[1:]} == {"test-server"}
    page = (tmp_path / "report" / "index.html").read_text()
    assert "test-server" in page

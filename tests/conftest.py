"""What the tests share: real recordings where they are, empty data folders, and the program itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).parents[2] / "shared"

# No deadline: the machines that run the tests are shared, and a slow example says nothing.
settings.register_profile("quick", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

RunProgram = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings and generators beside the project."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared with real recordings beside the project")
    return SHARED


@pytest.fixture(scope="session")
def recordings(shared: Path) -> Path:
    return shared / "recordings"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a newcomer: an empty home and no setting of ours."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    ours = ("PCC_", "PCR_", "PCD_", "XATBACKEND_", "UPLOAD_", "PERF", "LISTENADDRESS", "TENANT_ID", "MACHINE_ID")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home)}


@pytest.fixture
def run_program(environment: dict[str, str], tmp_path: Path) -> RunProgram:
    """Run the program as a person would, and return what it printed and its exit code."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "appliance", *map(str, arguments)],
            env={**environment, **(env or {})},
            cwd=cwd or tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run

"""The long fault runs use what their short versions in tests/ship, tests/collect and tests/receive use."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ship"))
sys.path.insert(0, str(Path(__file__).parents[1] / "collect"))
sys.path.insert(0, str(Path(__file__).parents[1] / "receive"))

from long_road import Receiver


@pytest.fixture
def real(data: Path) -> Iterator[Receiver]:
    """A real receiver that is not started yet."""
    receiver = Receiver(data)
    yield receiver
    receiver.end(signal.SIGKILL)

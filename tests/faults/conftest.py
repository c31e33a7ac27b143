"""The long fault runs use what their short versions beside the other tests use."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ship"))
sys.path.insert(0, str(Path(__file__).parents[1] / "collect"))
sys.path.insert(0, str(Path(__file__).parents[1] / "receive"))
sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

from long_road import Receiver
from receiver_peer import Peer

from appliance.receive import server
from appliance.receive.application import application
from appliance.receive.limits import Limits
from appliance.receive.stores import Stores


@pytest.fixture
def real(data: Path) -> Iterator[Receiver]:
    """A real receiver that is not started yet."""
    receiver = Receiver(data)
    yield receiver
    receiver.end(signal.SIGKILL)


@pytest.fixture
def peer(data: Path) -> Iterator[Peer]:
    """A receiver in a thread of this process, where a control can take something out of it."""
    stores = Stores(data)
    keys = []
    for tenant in ("team-a", "team-b"):
        stores.registry.create_tenant(tenant)
        keys.append(stores.registry.create_key(tenant))
    # The runs ask far more often than a team does.
    app = application(stores, Limits(uploads_per_minute=10**6, posts_per_minute=10**6))
    receiver = server.Receiver(app, "127.0.0.1", 0)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    yield Peer(("127.0.0.1", int(receiver.url.rpartition(":")[2])), app, stores.registry, *keys)
    receiver.stop()
    thread.join()
    stores.close()

"""A real receiver on a free loopback port, with two tenants."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from receiver_peer import Peer, StartReceiver

from appliance.receive.application import application
from appliance.receive.limits import Limits
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.views import Drawing
from static_site import receiver as pages


@pytest.fixture
def start_receiver(data: Path) -> Iterator[StartReceiver]:
    """Start a receiver with limits of the test's own."""
    with ExitStack() as running:

        def start(limits: Limits | None = None) -> Peer:
            stores = Stores(data)
            running.callback(stores.close)
            for tenant in ("team-a", "team-b"):
                stores.registry.create_tenant(tenant)
            app = application(stores, limits, drawing=Drawing(pages.page, pages.asset))
            receiver = Receiver(app, "127.0.0.1", 0)
            thread = threading.Thread(target=receiver.run)
            thread.start()
            running.callback(thread.join)
            running.callback(receiver.stop)
            keys = [stores.registry.create_key(tenant) for tenant in ("team-a", "team-b")]
            port = int(receiver.url.rpartition(":")[2])
            return Peer(("127.0.0.1", port), app, stores.registry, *keys)

        yield start


@pytest.fixture
def peer(start_receiver: StartReceiver) -> Peer:
    return start_receiver()

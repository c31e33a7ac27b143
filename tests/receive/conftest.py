"""A real receiver on a free loopback port, with two tenants."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from receiver_peer import Peer, StartReceiver

from appliance.receive.access_log import AccessLog
from appliance.receive.application import application
from appliance.receive.limits import Limits
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.receive.tls import Certificate
from appliance.views import Drawing
from static_site import receiver as pages

# Tests ask more often without a key than any address may in a minute.
OFTEN = Limits(bad_keys_per_minute=100_000)


@pytest.fixture
def start_receiver(data: Path) -> Iterator[StartReceiver]:
    """Start a receiver as the test wants it."""
    with ExitStack() as running:

        def start(
            limits: Limits | None = None, access_log: AccessLog | None = None, metrics_token: str = "",
            proxies: Sequence[str] = (), certificate: Certificate | None = None, listen: str = "127.0.0.1",
        ) -> Peer:  # fmt: skip
            stores = Stores(data)
            running.callback(stores.close)
            for tenant in ("team-a", "team-b"):
                stores.registry.create_tenant(tenant)
            app = application(stores, limits or OFTEN, access_log, metrics_token, Drawing(pages.page, pages.asset))
            receiver = Receiver(app, listen, 0, proxies=proxies, certificate=certificate)
            thread = threading.Thread(target=receiver.run)
            thread.start()
            running.callback(thread.join)
            running.callback(receiver.stop)
            keys = [stores.registry.create_key(tenant) for tenant in ("team-a", "team-b")]
            where = ("127.0.0.1", int(receiver.url.rpartition(":")[2])) if receiver.socket_path is None else ("", 0)
            return Peer(where, app, stores.registry, *keys, receiver)

        yield start


@pytest.fixture
def peer(start_receiver: StartReceiver) -> Peer:
    return start_receiver()

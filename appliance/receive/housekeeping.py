"""Housekeeping: what the receiver does for its stores beside the requests, in one thread, a little at a time."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from appliance.errors import PerfanalysisError
from appliance.receive.stores import Stores
from appliance.store import merging, retention, settings
from appliance.store.database import LIBRARY_ERRORS
from appliance.store.settings import Settings
from appliance.store.tenant import TenantStore, has_file

TURN_SECONDS = 1
LOOK_SECONDS = 30
"""How often settings, the disk and idle stores are looked at."""
RETENTION_SECONDS, FIRST_SECONDS = 3600, 60
LOW_SECONDS = 300
"""How often it is tried to remove something while there is no room."""
IDLE_SECONDS = 60
PAUSE_SECONDS = 0.05

logger = logging.getLogger("perfanalysis.receive")


class Stopped(Exception):
    """The receiver stops: what is being removed is left for the next start."""


class Housekeeping:
    """Works from `start` until `stop`."""

    def __init__(self, stores: Stores):
        self.stores = stores
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="housekeeping", daemon=True)
        self.look_at = 0.0
        self.merge_at = 0.0
        self.retain_at = time.monotonic() + FIRST_SECONDS
        self.low_at = 0.0
        self.kept: dict[str, Settings] = {}
        """The settings that retention last went by."""
        self.said: dict[str, str] = {}

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()

    def __enter__(self) -> "Housekeeping":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        self.guarded("", self.stores.space.keep_reserve)
        with suppress(Stopped):
            while not self.stopping.wait(TURN_SECONDS):
                self.turn(time.monotonic())

    def turn(self, now: float) -> None:
        self.merge_all(now)
        if now >= self.retain_at:
            self.retain_at = now + RETENTION_SECONDS
            self.guarded("", self.retain_all)
        if now >= self.look_at:
            self.look_at = now + LOOK_SECONDS
            self.look(now)

    def merge_all(self, now: float) -> None:
        self.merge_at = now + TURN_SECONDS
        for store in self.stores.stores():
            if merging.due(store):
                self.guarded(store.tenant, partial(self.merge, store))

    def merge(self, store: TenantStore) -> None:
        with self.stores.using(store.tenant) as used:
            merging.merge_due(used)

    def look(self, now: float) -> None:
        self.guarded("", self.stores.space.keep_reserve)
        if now >= self.low_at and self.stores.space.is_low():
            self.low_at = now + LOW_SECONDS
            self.guarded("", self.retain_all)
        for store in self.stores.stores():
            if store.is_open:
                self.guarded(store.tenant, partial(self.look_at_store, store, now))

    def look_at_store(self, store: TenantStore, now: float) -> None:
        if store.used_at < now - IDLE_SECONDS:
            # The file then has all of it, and the log of changes takes no place.
            store.rest()
            return
        with store.lock:
            kept = settings.read(store.database)
        if self.kept.setdefault(store.tenant, kept) != kept:
            self.retain(store.tenant)

    def retain_all(self) -> None:
        for tenant in self.stores.registry.tenants():
            if self.stopping.is_set():
                return
            if has_file(self.stores.folder, tenant):
                self.guarded(tenant, partial(self.retain, tenant))

    def retain(self, tenant: str) -> None:
        with self.stores.using(tenant) as store:
            with store.lock:
                self.kept[tenant] = settings.read(store.database)
            removed = retention.apply(store, pause=self.between_steps)
        if removed.blocks:
            logger.info("tenant %s: %d blocks with %d samples removed", tenant, removed.blocks, removed.samples)

    def between_steps(self) -> None:
        """Let requests come in, and go on merging: to remove much takes minutes. Raises Stopped."""
        if self.stopping.wait(PAUSE_SECONDS):
            raise Stopped
        if (now := time.monotonic()) >= self.merge_at:
            self.merge_all(now)

    def guarded(self, tenant: str, work: Callable[[], object]) -> None:
        """Do something; what goes wrong is said once, and tried again at the next time."""
        try:
            work()
            self.said.pop(tenant, None)
        except (PerfanalysisError, OSError, *LIBRARY_ERRORS) as error:
            if self.said.get(tenant) != str(error):
                self.said[tenant] = str(error)
                logger.warning("housekeeping: %s", error)

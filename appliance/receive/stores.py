"""The stores of a data folder that the receiver holds open: the registry, and each tenant's file once it is needed."""

import threading
from pathlib import Path

from appliance.errors import InputOutput, PerfanalysisError
from appliance.receive.last_used import LastUsed
from appliance.store import identity
from appliance.store.database import LIBRARY_ERRORS
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore


class Stores:
    """May be used by any thread."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.registry = Registry(folder)
        self.identity = identity.made(folder)
        self.last_used = LastUsed(self.registry)
        self.lock = threading.Lock()
        self.opened: dict[str, TenantStore] = {}

    def tenant(self, name: str) -> TenantStore:
        """Return a tenant's store, opened for writing; one that cannot be opened is our fault, not the sender's."""
        with self.lock:
            if name not in self.opened:
                try:
                    self.opened[name] = TenantStore(self.folder, name)
                except PerfanalysisError as error:
                    raise InputOutput(error.message) from error
            return self.opened[name]

    def health(self) -> str:
        """Say "healthy", or what is wrong, without a word about tenants or paths."""
        try:
            self.registry.tenants()
        except LIBRARY_ERRORS:
            return "unhealthy: the registry cannot be read"
        return "healthy"

    def close(self) -> None:
        with self.lock:
            for store in self.opened.values():
                store.close()
            self.opened.clear()
        self.last_used.stop()
        self.registry.close()

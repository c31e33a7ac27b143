"""The stores of a data folder that the receiver holds: the registry, and each tenant's file once it is needed."""

import logging
import resource
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BadData, Damaged, FolderGone, InputOutput, PerfanalysisError, StoreAside, StoreUnusable
from appliance.receive.last_used import LastUsed
from appliance.store import database, identity, quarantine
from appliance.store.database import LIBRARY_ERRORS
from appliance.store.registry import Registry
from appliance.store.space import Space
from appliance.store.tenant import TenantStore

MOST_OPEN = 56
"""Connections that are kept when they are not used; each has three files. A few more may be in use at a moment."""
FILES_EACH = 8
"""Of so many files that the process may have open, one store is kept open."""

logger = logging.getLogger("perfanalysis.receive")


class Stores:
    """May be used by any thread."""

    def __init__(self, folder: Path, space: Space | None = None):
        self.folder = folder
        self.space = space or Space(folder)
        self.registry = Registry(folder)
        self.last_used = LastUsed(self.registry)
        self.identity = identity.made(folder)
        self.lock = threading.Lock()
        self.opened: dict[str, TenantStore] = {}
        self.active: OrderedDict[str, None] = OrderedDict()
        """Those that may have a connection, used last last."""
        self.unusable: set[str] = set()
        """Tenants whose file could not be opened when it was last tried, and is not set aside."""
        self.most_open = max(1, min(MOST_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // FILES_EACH))

    def tenant(self, name: str) -> TenantStore:
        """
        Return a tenant's store, opened for writing; one that cannot be opened is our fault, not the sender's.

        A damaged file is set aside. Raises StoreAside, FolderGone, StoreUnusable or another InputOutput.
        """
        with self.lock:
            if name not in self.opened:
                self.check_there()
                try:
                    self.opened[name] = TenantStore(self.folder, name, space=self.space)
                except Damaged as error:
                    raise self.set_aside(name, error.message) from error
                except InputOutput:
                    raise
                except PerfanalysisError as error:
                    self.unusable.add(name)
                    raise StoreUnusable(error.message) from error
                self.unusable.discard(name)
            self.active[name] = None
            self.active.move_to_end(name)
            self.let_rest()
            return self.opened[name]

    @contextmanager
    def using(self, name: str) -> Iterator[TenantStore]:
        """Give a tenant's store; if its file turns out to be damaged while it is used, it is set aside."""
        store = self.tenant(name)
        try:
            yield store
        except (Damaged, *LIBRARY_ERRORS) as error:
            meant = error if isinstance(error, Damaged) else database.translated(error, store.path)
            if not isinstance(meant, Damaged):
                raise meant from error
            with self.lock:
                # Another request may have been faster, or it is restored by now.
                if self.opened.get(name) is store:
                    raise self.set_aside(name, meant.message) from error
            raise StoreAside(meant.message) from error

    def set_aside(self, name: str, why: str) -> StoreAside:
        """Set a tenant's damaged file aside and return what to answer; `lock` is held."""
        store = self.opened.pop(name, None)
        if store is not None:
            store.close()
        try:
            where = quarantine.set_aside(self.folder, name, why)
        except OSError as error:
            logger.error("tenant %s: %s It cannot be set aside: %s.", name, why, error.strerror)
            return StoreAside(why)
        logger.error(
            "tenant %s: %s It was set aside into %s; nothing of this tenant is taken until then.", name, why, where
        )
        return StoreAside(f"{why} It was set aside into {where}.")

    def let_rest(self) -> None:
        """Close the connections that were not used for longest, while there are too many; `lock` is held."""
        for name in list(self.active)[: max(0, len(self.active) - self.most_open)]:
            store = self.opened.get(name)
            if store is None or store.rest():
                del self.active[name]

    def check_there(self) -> None:
        """Raise FolderGone if the data folder is not the one that was opened: nothing is made in an empty one."""
        try:
            found = identity.read(self.folder)
        except (BadData, InputOutput) as error:
            raise FolderGone(error.message) from error
        if found != self.identity:
            raise FolderGone(
                f"{self.folder} is not the data folder that was opened: bring that back, or start the receiver anew."
            )

    def health(self) -> str:
        """Say "healthy", or what is wrong, without a word about tenants or paths."""
        try:
            self.registry.tenants()
            self.check_there()
            if quarantine.is_any_aside(self.folder):
                return "degraded: a tenant's file is damaged and set aside"
            if self.unusable:
                return "degraded: a tenant's file cannot be opened"
            if self.space.is_low():
                return "degraded: there is no room, nothing is stored"
        except LIBRARY_ERRORS:
            return "unhealthy: the registry cannot be read"
        except (PerfanalysisError, OSError):
            return "unhealthy: the data folder is gone"
        return "healthy"

    def stores(self) -> list[TenantStore]:
        """Return those that were used since the start."""
        with self.lock:
            return list(self.opened.values())

    def close(self) -> None:
        with self.lock:
            for store in self.opened.values():
                store.close()
            self.opened.clear()
        self.last_used.stop()
        self.registry.close()

"""When keys were last used: noted in memory at each request, and written once a minute, so that no request waits."""

import logging
import threading

from appliance.errors import PerfanalysisError
from appliance.store.database import LIBRARY_ERRORS
from appliance.store.registry import Registry

EVERY_SECONDS = 60

logger = logging.getLogger("perfanalysis.receive")


class LastUsed:
    """Writes from a thread of its own until it is stopped, and what is left then."""

    def __init__(self, registry: Registry, every_seconds: float = EVERY_SECONDS):
        self.registry = registry
        self.every_seconds = every_seconds
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="last used", daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.stopping.wait(self.every_seconds):
            self.write()

    def write(self) -> None:
        try:
            self.registry.write_used()
        except (PerfanalysisError, OSError, *LIBRARY_ERRORS) as error:
            # They are noted still, and nothing depends on them.
            logger.warning("when keys were last used could not be written: %s", error)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.write()

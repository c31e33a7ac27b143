"""
Dead letters: samples that a receiver refused for good, kept as recordings that a person can look at and import.

Each batch follows a `perfanalysis[refused]` record with the reason. A full file takes no more: then they are lost.
"""

import json
import logging
import os
from pathlib import Path

from appliance.ship.batch import Batch
from appliance.ship.record import as_lines

logger = logging.getLogger(__name__)
FOLDER = "dead"
MAX_BYTES = 64 << 20
REFUSED = "perfanalysis[refused]"


class Letters:
    def __init__(self, folder: Path | None, max_bytes: int = MAX_BYTES) -> None:
        """Keep them below a folder, or nowhere if there is none."""
        self.folder, self.max_bytes = folder / FOLDER if folder else None, max_bytes
        self.kept = 0
        self.lost = 0
        """Samples."""

    def keep(self, batch: Batch, reason: str) -> None:
        """Keep a batch that was refused, and say where."""
        count = len(batch.samples)
        try:
            path = self.write(batch, reason)
        except OSError as error:
            self.lost += count
            logger.error("%d samples are refused and lost (%s): %s.", count, error.strerror, reason)
            return
        self.kept += count
        logger.error("%d samples are refused and kept in %s: %s.", count, path, reason)

    def write(self, batch: Batch, reason: str) -> Path:
        if self.folder is None:
            raise OSError(0, "there is no spool to keep them in")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{batch.machine}.json"
        samples = [as_lines(sample) for sample in batch.samples]
        timestamp = json.loads(samples[0].partition(b"\n")[0])["timestamp"]
        said = {"timestamp": timestamp, "subsystem": REFUSED, "measurement": json.dumps({"reason": reason})}
        content = b"".join([json.dumps(said).encode(), b"\n", *samples])
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab") as file:
            if file.tell() + len(content) > self.max_bytes:
                raise OSError(0, f"{path} is full")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return path

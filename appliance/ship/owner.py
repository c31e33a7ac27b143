"""Whose a spool is: a folder that was copied from another machine is noticed, and what waits in it is still sent."""

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)
OWNER = "STORE"
TOLERANCE_SECONDS = 60


def claim(folder: Path, host: Mapping[str, str]) -> bool:
    """
    Write who we are (`machine_id`, `hostname`, `boot_id`) into a folder; say whether it was another machine's before.

    Raises OSError. The samples of either have runs of their own, so that none takes the other's place.
    """
    before = read(folder / OWNER)
    other = before is not None and is_other(before, host)
    if other and before is not None:
        logger.warning(
            "%s comes from another machine (%s): what waits in it is sent as that machine's, "
            "and this recording is a run of its own.",
            folder, before.get("hostname", "unknown"),
        )  # fmt: skip
    write(folder / OWNER, {**host, "started": time.time()})
    return other


def is_other(before: Mapping[str, object], host: Mapping[str, str]) -> bool:
    """Say whether it was another machine that wrote this: another id or name, or a boot that began before ours did."""
    if any(before.get(name) != host.get(name) for name in ("machine_id", "hostname")):
        return True
    started = before.get("started")
    # A clone has the same id and name. But our own earlier boots ended before this one began.
    return (
        before.get("boot_id") != host.get("boot_id")
        and isinstance(started, (int, float))
        and started > booted() + TOLERANCE_SECONDS
    )


def booted() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def read(path: Path) -> Mapping[str, object] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write(path: Path, content: Mapping[str, object]) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

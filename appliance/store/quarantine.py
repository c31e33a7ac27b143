"""Quarantine: a tenant's damaged file is set aside, whole, and no empty one takes its place."""

import time
from pathlib import Path

from appliance.store import durable
from appliance.store.tenant import DATA_FILE, QUARANTINE, folder_of

ENDINGS = ("", "-wal", "-shm")
"""The database goes first: without it, what is left of it is not taken for the next one's."""


def set_aside(folder: Path, tenant: str, why: str) -> Path:
    """
    Move a tenant's file, which nobody has open, out of its place, and return the folder where it lies now.

    Raises OSError. Killed in between, the rest stays where it was, and does no harm.
    """
    own = folder_of(folder, tenant)
    goal = folder / QUARANTINE / f"{own.name}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    number = 1
    while goal.exists():
        number += 1
        goal = goal.with_name(f"{goal.name.partition('.')[0]}.{number}")
    goal.mkdir(mode=0o700, parents=True)
    for ending in ENDINGS:
        path = own / f"{DATA_FILE}{ending}"
        if path.exists():
            path.rename(goal / path.name)
    text = (
        f"tenant {tenant}: {why}\nTo have it back: perfanalysis restore. What can be read of this file is not lost.\n"
    )
    (goal / "WHY.txt").write_text(text)
    for changed in (goal, own, goal.parent):
        durable.sync(changed)
    return goal


def is_any_aside(folder: Path) -> bool:
    """Say whether a tenant is without its file because it was set aside; one that was restored is not."""
    kept = folder / QUARANTINE
    if not kept.is_dir():
        return False
    tenants = {path.name.partition("-")[0] for path in kept.iterdir()}
    homes = [folder / "tenants" / name for name in tenants]
    return any(home.is_dir() and not (home / DATA_FILE).exists() for home in homes)

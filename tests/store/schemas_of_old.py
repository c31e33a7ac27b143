"""Files as older versions wrote them: each released schema, as SQL text with rows of that time."""

import sqlite3
from pathlib import Path

from appliance.store.tenant import folder_of

FOLDER = Path(__file__).parent / "schemas"
TENANTS = sorted(FOLDER.glob("tenant-*.sql"))
REGISTRIES = sorted(FOLDER.glob("registry-*.sql"))
FIRST_MS, COUNT = 1_728_043_200_000, 15
"""Each machine, web-1 and db-1, has a sample a second from then on, in two groups."""


def write_tenant(data: Path, script: Path) -> Path:
    """Write a tenant's file as it was and return its path."""
    path = folder_of(data, "team-a") / "data.sqlite"
    path.parent.mkdir(mode=0o700, parents=True)
    run(path, script)
    return path


def write_registry(data: Path, script: Path) -> Path:
    data.mkdir(mode=0o700)
    run(data / "registry.sqlite", script)
    return data / "registry.sqlite"


def run(path: Path, script: Path) -> None:
    path.touch(mode=0o600)
    opened = sqlite3.connect(path)
    opened.executescript(script.read_text())
    opened.close()

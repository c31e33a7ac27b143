"""
logins[*]: how many people are logged in, and how often: not who, and not from where.

From utmp, a file of records of C, or where a system has given that up, from the files of systemd's log-in manager.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from appliance.collect.sources import Source, now_and_then, read_text

SECONDS = 10
RECORD_BYTES = {"aarch64": 400, "riscv64": 400, "loongarch64": 400}
"""Of utmp: these have wide times; all others have what 32-bit programs have, which is 384."""
USER_PROCESS = 7
USER_NAME = slice(44, 76)
"""Behind the kind, a process, a terminal of 32 bytes and an id of 4."""


def source(root: str) -> Source:
    """/run is beside /proc."""
    run = Path(root).parent / "run"
    return now_and_then(Source("logins[*]", lambda: told(list(logins(run)))), SECONDS)


def told(names: list[str]) -> str:
    return json.dumps({"users": len(set(names)), "sessions": len(names)}, separators=(",", ":")) + "\n"


def logins(run: Path) -> Iterator[str]:
    """Give the user of each session; raise FileNotFoundError where nobody keeps account of them."""
    if (run / "utmp").exists():
        yield from of_utmp((run / "utmp").read_bytes(), RECORD_BYTES.get(os.uname().machine, 384))
    # The folder of sessions may be there on a machine that was not started by systemd.
    elif (run / "systemd" / "system").exists() and (run / "systemd" / "sessions").is_dir():
        yield from of_systemd(run / "systemd" / "sessions")
    else:
        raise FileNotFoundError(2, "this machine has neither utmp nor a log-in manager")


def of_utmp(content: bytes, record_bytes: int) -> Iterator[str]:
    if len(content) % record_bytes:
        raise ValueError("utmp has no whole number of records")
    for start in range(0, len(content), record_bytes):
        record = content[start : start + record_bytes]
        name = record[USER_NAME].partition(b"\0")[0]
        if name and int.from_bytes(record[:2], sys.byteorder) == USER_PROCESS:
            yield name.decode("utf-8", "backslashreplace")


def of_systemd(folder: Path) -> Iterator[str]:
    """A session's file has lines as USER=alice; log-in screens and managers of services are no users at work."""
    for path in sorted(folder.glob("*")):
        # Beside each is a pipe that would keep us waiting.
        if path.suffix == ".ref" or not path.is_file():
            continue
        try:
            text = read_text(str(path))
        except (FileNotFoundError, ValueError):
            # He left just now.
            continue
        session = dict(line.partition("=")[::2] for line in text.splitlines())
        if session.get("CLASS", "user").startswith("user") and session.get("STATE") != "closing":
            yield session.get("USER") or session.get("UID", "")

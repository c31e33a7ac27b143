"""
The settings of a collector on their way to the process that it becomes: one that has not loaded the command line.

Click and what it brings are a sixth of the memory of a collector, which runs for months. They go by a file without a
name, which no other process sees: a key may be among them.
"""

import marshal
import os
import sys
from typing import Any

VARIABLE = "PERFANALYSIS_HANDED"
"""Says in the environment which descriptor has the settings."""


def give(settings: dict[str, Any]) -> None:
    """Become the same program with settings; return where that cannot be, as in a frozen one, which would unpack."""
    if getattr(sys, "frozen", False) or not sys.executable:
        return
    descriptor = os.memfd_create("settings", 0)
    os.write(descriptor, marshal.dumps(settings))
    os.lseek(descriptor, 0, os.SEEK_SET)
    sys.stdout.flush()
    sys.stderr.flush()
    # glibc would give each thread a heap of its own; its lock is not what a recorder waits for.
    environment = {"MALLOC_ARENA_MAX": "1", **os.environ, VARIABLE: str(descriptor)}
    # The arguments stay, so that lists of processes show what was asked for.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606


def take(descriptor: str) -> dict[str, Any]:
    """Return the settings that were given."""
    with open(int(descriptor), "rb") as file:  # noqa: PTH123 - it has no path
        found: dict[str, Any] = marshal.loads(file.read())  # noqa: S302 - our own, of a moment ago
    return found

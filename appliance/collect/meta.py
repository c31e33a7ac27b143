"""The first record of a run: what recorded, on which machine, and what does not change while it does."""

import os
import time
from pathlib import Path

from appliance import __version__
from appliance.collect.patience import Patience
from appliance.machine import made_valid


def machine_id() -> str:
    """Return the machine's own id: that of the system, or its host name made into one."""
    try:
        own = made_valid(Path("/etc/machine-id").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        own = ""
    return own or made_valid(os.uname().nodename) or "machine"


def describe(machine: str, name: str, run: int, interval_seconds: float, boot: str | None) -> dict[str, object]:
    """Return the record of a run, which its start in Unix milliseconds numbers; `boot` is the boot id."""
    system = os.uname()
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return {
        "version": __version__,
        "run": run,
        "machine_id": machine,
        "machine_name": name or system.nodename,
        "hostname": system.nodename,
        "boot_id": boot,
        "interval_seconds": interval_seconds,
        "timezone": time_zone(),
        "kernel": system.release,
        "architecture": system.machine,
        "cpus": os.cpu_count() or 0,
        "clock_ticks": os.sysconf("SC_CLK_TCK"),
        "page_bytes": page_bytes,
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * page_bytes,
    }


def boot_id(root: str) -> str | None:
    try:
        return Path(f"{root}/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def boot_id_at_once(root: str) -> str | None:
    """Return it, or None where /proc is somewhere else and does not answer: that is found out of its sources later."""
    if root == "/proc":
        return boot_id(root)
    asked = Patience(lambda: boot_id(root))
    try:
        return asked.ask()
    except TimeoutError:
        return None
    finally:
        asked.end()


def time_zone() -> str:
    """Return the zone's name, or its distance from UTC where the system names none."""
    return os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2] or time.strftime("%z")

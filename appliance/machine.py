"""Names of machines: what an id may be, and how any text becomes one."""

import re
from collections.abc import Mapping
from typing import Any

from appliance.errors import InvalidMachineId

MACHINE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def check_machine_id(machine: str) -> str:
    """Return the id, or raise InvalidMachineId: at most 64 letters, digits, dots, dashes and underscores."""
    if not MACHINE_ID.fullmatch(machine):
        raise InvalidMachineId(
            f"{machine[:80]!r} is not a machine id: use 1 to 64 letters, digits, '.', '-' and '_', "
            "the first a letter or digit."
        )
    return machine


def name_of(machine: str, meta: Mapping[str, Any]) -> str:
    """Return what a machine calls itself in the record of its run, or its id."""
    return str(meta.get("machine_name") or machine)


def made_valid(text: str) -> str:
    """Return the machine id that is nearest to a text, or an empty one if nothing of it is left."""
    return NOT_ALLOWED.sub("-", text.strip()).lstrip("._-")[:64]

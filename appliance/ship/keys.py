"""The key of a tenant, as a file that only its owner may read has it."""

import os
import stat
from pathlib import Path

from appliance.errors import BadConfiguration, NoInput, NoPermission

LONGEST_ID = 16


def read(path: Path, *, private: bool = True) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(4096).decode("utf-8", "replace").strip()
    except OSError as error:
        raise NoInput(f"the key file {path} cannot be read: {error.strerror}.") from error
    if private and mode & 0o077:
        raise NoPermission(f"the key file {path} may be read by others: chmod 600 {path}")
    if not key:
        raise BadConfiguration(f"the key file {path} is empty: it holds the key and nothing else.")
    return checked(key)


def id_of(key: str) -> str:
    """Return the part of a key that is no secret; nothing where it is no key of ours."""
    parts = key.split("_")
    return parts[1] if len(parts) == 4 and parts[0] == "pa1" and len(parts[1]) <= LONGEST_ID else ""


def checked(key: str) -> str:
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadConfiguration("the key is not one: it is a single word of letters, digits and signs.")
    return key

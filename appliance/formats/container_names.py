"""The names that people gave to their containers: a recording knows them by their ids only."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.errors import BadData, NoInput
from appliance.measurement import refuse_constant

NAMES_FILE = "container_names.json"
"""Beside a recording of containers."""
MAX_NAMES_BYTES = 4 << 20


def read_names(path: Path) -> dict[str, str]:
    """Read {"<full id>": "<name>"}; raise NoInput or BadData."""
    try:
        with path.open("rb") as stream:
            names = json.loads(stream.read(MAX_NAMES_BYTES), parse_constant=refuse_constant)
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path} is no list of container names: it is not JSON.") from error
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise BadData(f'{path} is no list of container names: write {{"<id>": "<name>", ...}}.')
    return names


def name_them(facts: dict[str, Any], names: Mapping[str, str]) -> None:
    """Put names into the facts of those containers that have none."""
    for container, name in names.items():
        fact = facts.get(f"container/{container}")
        if fact is not None and not fact.get("name"):
            fact["name"] = name

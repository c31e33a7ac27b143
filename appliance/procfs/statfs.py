"""statfs[*]: size and free space of each mounted file system, one JSON object a line."""

import json
from collections.abc import Iterator

from appliance.measurement import refuse_constant
from appliance.metrics import FILESYSTEM_AVAILABLE, FILESYSTEM_BLOCK, FILESYSTEM_FREE, FILESYSTEM_SIZE
from appliance.procfs import Value

KEYS = {
    "block_size": FILESYSTEM_BLOCK,
    "blocks_total": FILESYSTEM_SIZE,
    "blocks_free": FILESYSTEM_FREE,
    "blocks_available": FILESYSTEM_AVAILABLE,
}


def parse(text: str) -> Iterator[Value]:
    for line in text.splitlines():
        if line.strip():
            record = json.loads(line, parse_constant=refuse_constant)
            if not isinstance(record, dict) or not isinstance(record.get("mount_point"), str):
                raise ValueError('a line that is no JSON object with a "mount_point"')
            for key, metric in KEYS.items():
                if key in record:
                    yield Value(metric, record["mount_point"], whole(record[key], key))


def whole(number: object, key: str) -> int:
    """Return a whole number of a JSON record, or raise ValueError naming its key."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{key} is not a whole number")
    return number

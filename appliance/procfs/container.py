"""container/<runtime>/<id>: one container's cgroup counters, as a JSON object."""

import json
from collections.abc import Iterator

from appliance.measurement import refuse_constant
from appliance.metrics import CONTAINER_KEYS
from appliance.procfs import Value
from appliance.procfs.statfs import whole

NO_LIMIT = 2**63 - 4096
"""cgroup v1 prints the largest whole page, and unsigned counters print more."""


def record(text: str) -> dict[str, object]:
    """Return the record of one container; raise ValueError if it is none."""
    found = json.loads(text, parse_constant=refuse_constant)
    if not isinstance(found, dict) or not isinstance(found.get("container_id"), str):
        raise ValueError('it is no JSON object with a "container_id"')
    return found


def parse(text: str) -> Iterator[Value]:
    """A limit that is the largest number there is means no limit: it is not collected."""
    found = record(text)
    for key, metric in CONTAINER_KEYS.items():
        if key in found and (number := whole(found[key], key)) < NO_LIMIT:
            yield Value(metric, str(found["container_id"]), number)

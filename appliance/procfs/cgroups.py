"""perfanalysis[cgroups]: how many groups there are, then the counters of each, one JSON object a line."""

import json
from collections.abc import Iterator

from appliance.cgroup_metrics import CGROUP_KEYS, COUNT_KEYS
from appliance.measurement import refuse_constant
from appliance.procfs import Value
from appliance.procfs.container import NO_LIMIT
from appliance.procfs.statfs import whole


def parse(text: str) -> Iterator[Value]:
    """A limit that is the largest number there is means no limit: it is not collected."""
    for line in text.splitlines():
        if not line.strip():
            continue
        record = json.loads(line, parse_constant=refuse_constant)
        if not isinstance(record, dict):
            raise ValueError("a line that is no JSON object")
        name = record.get("group", "")
        if not isinstance(name, str):
            raise ValueError('a "group" that is no text')
        for key, metric in (CGROUP_KEYS if name else COUNT_KEYS).items():
            if key in record and (number := whole(record[key], key)) < NO_LIMIT:
                yield Value(metric, name, number)

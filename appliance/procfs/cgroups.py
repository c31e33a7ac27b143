"""perfanalysis[cgroups]: how many groups there are, then the counters of each, one JSON object a line."""

from collections.abc import Iterator

from appliance.cgroup_metrics import CGROUP_KEYS, COUNT_KEYS
from appliance.procfs import Value
from appliance.procfs.container import NO_LIMIT
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole


def parse(text: str) -> Iterator[Value]:
    """A limit that is the largest number there is means no limit: it is not collected."""
    for record in objects(text):
        name = record.get("group", "")
        if not isinstance(name, str):
            raise ValueError('a "group" that is no text')
        for key, metric in (CGROUP_KEYS if name else COUNT_KEYS).items():
            if key in record and (number := whole(record[key], key)) < NO_LIMIT:
                yield Value(metric, name, number)

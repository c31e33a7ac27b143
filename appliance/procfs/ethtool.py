"""ethtool[*]: errors and drops by the names of network drivers, one JSON object a line for each interface."""

from collections.abc import Iterator

from appliance.option_metrics import ALLOWANCE_KEYS, DRIVER_COUNTER
from appliance.procfs import Value
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole


def parse(text: str) -> Iterator[Value]:
    """A counter that is no metric of its own is called by its interface and its name: "eth0 rx_queue_*_drops"."""
    for record in objects(text):
        name, counters = record.get("name"), record.get("counters")
        if not isinstance(name, str) or not isinstance(counters, dict):
            raise ValueError('a line that has no "name" and "counters"')
        for counter, count in counters.items():
            if (metric := ALLOWANCE_KEYS.get(counter)) is not None:
                yield Value(metric, name, whole(count, counter))
            else:
                yield Value(DRIVER_COUNTER, f"{name} {counter}", whole(count, counter))

"""TCP connections by state: a record of our own recorder, one JSON object of the states that occur."""

from collections.abc import Iterator

from appliance.procfs import Value
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole
from appliance.protocol_metrics import TCP_STATE_METRICS


def parse(text: str) -> Iterator[Value]:
    """A state that is not named had no connection: all were counted."""
    for record in objects(text):
        for state, metric in TCP_STATE_METRICS.items():
            yield Value(metric, "", whole(record.get(state, 0), state))

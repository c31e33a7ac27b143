"""What a recorder says of itself, and the events that it met, as records of its recording."""

from collections.abc import Iterator

from appliance.procfs import Value
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole
from appliance.recorder_metrics import DROPPED_SAMPLES, EVENT_KEYS, RECORDER_KEYS, SOURCE_KEYS


def parse(text: str) -> Iterator[Value]:
    for record in objects(text):
        for key, metric in RECORDER_KEYS.items():
            if key in record:
                yield Value(metric, "", whole(record[key], key))
        sources = record.get("sources", {})
        if not isinstance(sources, dict) or not all(isinstance(numbers, dict) for numbers in sources.values()):
            raise ValueError('its "sources" are no JSON objects')
        for source, numbers in sources.items():
            for key, metric in SOURCE_KEYS.items():
                if key in numbers:
                    yield Value(metric, source, whole(numbers[key], key))


def parse_events(text: str) -> Iterator[Value]:
    """A kind of event that a newer recorder knows and we do not is passed over."""
    for record in objects(text):
        known = EVENT_KEYS.get(str(record.get("kind")))
        if known is not None:
            key, metric = known
            yield Value(metric, "", whole(record.get(key), key))


def parse_gap(text: str) -> Iterator[Value]:
    """A spool that had to drop samples says in their place how many they were."""
    for record in objects(text):
        yield Value(DROPPED_SAMPLES, "", whole(record.get("dropped"), "dropped"))

"""systemd_units[*]: a record of all units as one, and of each by its name, one JSON object a line."""

from collections.abc import Iterator

from appliance.option_metrics import ALL_UNITS_KEYS, UNIT_KEYS
from appliance.procfs import Value
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole


def parse(text: str) -> Iterator[Value]:
    for record in objects(text):
        name = record.get("unit", "")
        if not isinstance(name, str):
            raise ValueError('"unit" is not a text')
        for key, metric in (UNIT_KEYS if name else ALL_UNITS_KEYS).items():
            if key in record:
                yield Value(metric, name, whole(record[key], key))

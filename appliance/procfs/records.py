"""Records of our own recorder: JSON objects, one a line, each with a name and whole numbers by key."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from appliance.measurement import refuse_constant
from appliance.metrics import Metric
from appliance.procfs import Parser, Value
from appliance.procfs.statfs import whole


def parser(name: str, metrics: Mapping[str, Metric]) -> Parser:
    """Return the parser of records whose key `name` says which; keys that have no metric are passed over."""

    def parse(text: str) -> Iterator[Value]:
        for record in objects(text):
            instance = record.get(name)
            if isinstance(instance, bool) or not isinstance(instance, (str, int)):
                raise ValueError(f'a line that has no "{name}"')
            for key, metric in metrics.items():
                if key in record:
                    yield Value(metric, str(instance), whole(record[key], key))

    return parse


def of_machine(metrics: Mapping[str, Metric]) -> Parser:
    """Return the parser of records of a machine as a whole; keys that have no metric are passed over."""

    def parse(text: str) -> Iterator[Value]:
        for record in objects(text):
            for key, metric in metrics.items():
                if key in record:
                    yield Value(metric, "", whole(record[key], key))

    return parse


def objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.strip():
            record = json.loads(line, parse_constant=refuse_constant)
            if not isinstance(record, dict):
                raise ValueError("a line that is no JSON object")
            yield record

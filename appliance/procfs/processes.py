"""
perfanalysis[processes]: counts of all processes, then the biggest of the interval, one JSON object a line.

An instance is a program where it runs, not a process: "java (tomcat9)" by its service, "mysqld (docker/7892fa5ced3d)"
by its container, "python3 (alice)" by its user, "[kworker]" of the kernel. What a machine runs is a few dozen of those
for years, while every job has a new pid: a history of pids would be mostly names. Several processes of one instance
are summed; the pid that is kept is the biggest one's.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from appliance.metrics import Metric
from appliance.process_metrics import (
    COUNT_KEYS,
    PROCESS_CPU,
    PROCESS_FAULTS,
    PROCESS_FILES,
    PROCESS_INVOLUNTARY,
    PROCESS_MEMORY,
    PROCESS_PID,
    PROCESS_READ,
    PROCESS_SWAP,
    PROCESS_THREADS,
    PROCESS_VOLUNTARY,
    PROCESS_WRITTEN,
    STATES,
)
from appliance.procfs import Value
from appliance.procfs.records import objects
from appliance.procfs.statfs import whole

USED = ((PROCESS_CPU, "over"), (PROCESS_READ, "io_over"), (PROCESS_WRITTEN, "io_over"), (PROCESS_FAULTS, "over"))
"""The metrics of the list "used", and the key of how many intervals each is spread over."""
SWITCHED = ((PROCESS_VOLUNTARY, "switched_over"), (PROCESS_INVOLUNTARY, "switched_over"))
"""The same of the list "switched"."""
MEMORY_TICK = 1 << 40
"""Whoever used CPU time is the biggest; among those that did not it is memory that counts."""
NUMBERED = re.compile(r"\d{4,}")
"""The number of a job in its name, as in "runner-48211": a digit or three belong to the name."""


def parse(text: str) -> Iterator[Value]:
    every: dict[str, dict[Metric, int]] = {}
    largest: dict[str, int] = {}
    for record in objects(text):
        if "pid" not in record:
            yield from counts(record)
            continue
        name, numbers = instance(record), process(record)
        sums = every.setdefault(name, {})
        size = numbers.get(PROCESS_CPU, 0) * MEMORY_TICK + numbers.get(PROCESS_MEMORY, 0)
        if size >= largest.setdefault(name, 0):
            largest[name], sums[PROCESS_PID] = size, numbers[PROCESS_PID]
        for metric, number in numbers.items():
            if metric is not PROCESS_PID:
                sums[metric] = sums.get(metric, 0) + number
    for name, sums in every.items():
        for metric, number in sums.items():
            yield Value(metric, name, number)


def counts(record: dict[str, Any]) -> Iterator[Value]:
    """Give the numbers of the line that counts; a state that nobody is in is one with no processes."""
    for key, metric in COUNT_KEYS.items():
        if key in record:
            yield Value(metric, "", whole(record[key], key))
    states = record.get("states")
    if isinstance(states, dict):
        sums = dict.fromkeys(STATES.values(), 0)
        for letter, number in states.items():
            if letter in STATES:
                sums[STATES[letter]] += whole(number, letter)
        for metric, number in sums.items():
            yield Value(metric, "", number)


def process(record: dict[str, Any]) -> dict[Metric, int]:
    """Return the numbers of one process, those of several intervals as one interval's share."""
    numbers = {PROCESS_PID: whole(record["pid"], "pid")}
    now, used = record.get("is"), record.get("used")
    if isinstance(now, list) and len(now) == 3:
        numbers[PROCESS_THREADS] = whole(now[1], "threads")
        numbers[PROCESS_MEMORY] = whole(now[2], "memory") * 1024
    has, switched = record.get("has"), record.get("switched")
    if isinstance(has, list):
        for (metric, unit), amount in zip(((PROCESS_SWAP, 1024), (PROCESS_FILES, 1)), has, strict=False):
            if amount is not None:
                numbers[metric] = whole(amount, "has") * unit
    if isinstance(used, list):
        # Zeros at its end are left out.
        numbers.update(shares(record, USED, [*used, 0, 0, 0, 0], "used"))
    if isinstance(switched, list):
        numbers.update(shares(record, SWITCHED, switched, "switched"))
    return numbers


def shares(
    record: dict[str, Any], metrics: Iterable[tuple[Metric, str]], amounts: list[Any], what: str
) -> Iterator[tuple[Metric, int]]:
    """Give an interval's share of each amount that is known."""
    for (metric, key), amount in zip(metrics, amounts, strict=False):
        if amount is not None:
            looks = max(1, whole(record.get(key, 1), key))
            yield metric, (whole(amount, what) + looks // 2) // looks


def instance(record: dict[str, Any]) -> str:
    """
    Return a program's name and where it runs.

    Threads of the kernel are called by their kind, without CPU and work: "kworker/0:1-events" is "[kworker]".
    """
    name = record.get("name")
    if not isinstance(name, str):
        raise ValueError('a process that has no "name"')
    if record.get("kernel"):
        return f"[{re.split('[/:]', name)[0]}]"
    unit = str(record.get("unit") or "")
    service = unit.removesuffix(".service") if unit.endswith(".service") and not unit.startswith("run-") else ""
    return f"{NUMBERED.sub('#', name)} ({record.get('container') or service or record.get('user', '?')})"

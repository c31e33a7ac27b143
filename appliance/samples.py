"""
Samples: the values of one machine at its times, as columns; what is between parsing and the store.

A sample is known by machine, time and run (a run is one start of a recorder; 0 for CSV files and old recordings).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from appliance import metrics
from appliance.errors import BadData
from appliance.machine import check_machine_id
from appliance.measurement import FACTS, META, SOURCES, Measurement, refuse_constant
from appliance.metrics import Group, Metric
from appliance.procfs import container, cpuinfo, parsers

INT64_MAX = 2**63 - 1

Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Column(NamedTuple):
    metric: Metric
    instance: str


@dataclass(frozen=True, slots=True)
class Values:
    """One column's numbers, shape (n,): int64, or float64 for a metric that is `real`."""

    numbers: Numbers
    present: npt.NDArray[np.bool_] | None = None
    """Where there is a value, shape (n,); None where there always is. Where there is none, the number says nothing."""

    def take(self, rows: npt.NDArray[Any] | slice) -> "Values":
        """Return the values at some rows: indexes, a mask or a slice."""
        return Values(self.numbers[rows], None if self.present is None else self.present[rows])

    def mask(self) -> npt.NDArray[np.bool_]:
        return np.ones(len(self.numbers), bool) if self.present is None else self.present


@dataclass(frozen=True, slots=True)
class Samples:
    machine: str
    run: int
    group: Group
    at_ms: Times
    """Unix milliseconds, shape (n,), strictly increasing, n > 0."""
    columns: Mapping[Column, Values]

    def take(self, rows: npt.NDArray[Any] | slice) -> "Samples":
        """Return the samples at some rows (indexes, mask or slice), without the columns that have no value there."""
        columns = {
            column: part
            for column, values in self.columns.items()
            if (part := values.take(rows)).present is None or part.present.any()
        }
        return Samples(self.machine, self.run, self.group, self.at_ms[rows], columns)


def distinct(times: Sequence[Times]) -> Times:
    """Return every time once, in order. Sorting times that are nearly in order is far faster than hashing them."""
    at_ms = np.sort(np.concatenate([np.empty(0, np.int64), *times]), kind="stable")
    return at_ms[np.diff(at_ms, prepend=at_ms[:1] - 1) > 0]


def join(parts: Sequence[Samples]) -> Samples:
    """Put samples of one machine and group on one axis of time; where they overlap, the later part has the word."""
    if len(parts) == 1:
        return parts[0]
    if follow_each_other(parts):
        first = parts[0]
        end_to_end = {
            column: Values(np.concatenate([part.columns[column].numbers for part in parts])) for column in first.columns
        }
        at_ms = np.concatenate([part.at_ms for part in parts])
        return Samples(first.machine, first.run, first.group, at_ms, end_to_end)
    at_ms = distinct([part.at_ms for part in parts])
    columns: dict[Column, tuple[Any, npt.NDArray[np.bool_]]] = {}
    for part in parts:
        rows = np.searchsorted(at_ms, part.at_ms)
        for column, values in part.columns.items():
            if column not in columns:
                columns[column] = np.zeros(len(at_ms), values.numbers.dtype), np.zeros(len(at_ms), bool)
            mask = values.mask()
            columns[column][0][rows[mask]] = values.numbers[mask]
            columns[column][1][rows[mask]] = True
    joined = {
        column: Values(numbers, None if present.all() else present) for column, (numbers, present) in columns.items()
    }
    return Samples(parts[0].machine, parts[0].run, parts[0].group, at_ms, joined)


def follow_each_other(parts: Sequence[Samples]) -> bool:
    """Say whether parts have the same columns, all full, and each begins after the one before: the usual case."""
    columns = parts[0].columns.keys()
    return all(before.at_ms[-1] < after.at_ms[0] for before, after in pairwise(parts)) and all(
        part.columns.keys() == columns and all(values.present is None for values in part.columns.values())
        for part in parts
    )


class Sink(Protocol):
    """Where samples go as they are read; a list is one."""

    def append(self, samples: Samples, /) -> None: ...

    def clear(self) -> None:
        """Forget what came: it comes again, in another order."""


@dataclass(slots=True)
class Parsed:
    """What one file or request said: samples, the facts that came with them, and what was not read."""

    samples: list[Samples] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts of the machine by name ("cpuinfo", "meta", "container/<id>"), each a plain JSON object."""
    warnings: list[str] = field(default_factory=list)

    @property
    def machines(self) -> list[str]:
        """The machines, in order of appearance."""
        return list(dict.fromkeys(part.machine for part in self.samples))

    @property
    def count(self) -> int:
        """How many samples: different times of different machines and runs."""
        times: dict[tuple[str, int], list[Times]] = {}
        for part in self.samples:
            times.setdefault((part.machine, part.run), []).append(part.at_ms)
        return sum(len(distinct(parts)) for parts in times.values())


class Rows:
    """Collects values row by row and turns them into columns."""

    def __init__(self) -> None:
        self.at_ms: list[int] = []
        self.values: dict[Column, dict[int, int]] = {}

    def add(self, at_ms: int, values: Iterable[tuple[Metric, str, int]]) -> None:
        """Add the values of one source at one time; a later value for the same time and column is left out."""
        if not self.at_ms or self.at_ms[-1] != at_ms:
            self.at_ms.append(at_ms)
        for metric, instance, number in values:
            self.values.setdefault(Column(metric, instance), {}).setdefault(at_ms, number)

    def samples(self, machine: str, run: int, group: Group) -> Samples:
        at_ms = np.array(sorted(set(self.at_ms)), np.int64)
        row_of = {at: row for row, at in enumerate(at_ms.tolist())}
        columns = {}
        for column, by_time in self.values.items():
            if len(by_time) == len(at_ms):
                columns[column] = Values(np.array([by_time[at] for at in row_of], np.int64))
            else:
                rows = np.array([row_of[at] for at in by_time])
                present = np.zeros(len(at_ms), bool)
                present[rows] = True
                numbers = np.zeros(len(at_ms), np.int64)
                numbers[rows] = np.array(list(by_time.values()), np.int64)
                columns[column] = Values(numbers, present)
        return Samples(machine, run, group, at_ms, columns)


def from_measurements(measurements: Iterable[Measurement], machine: str, run: int = 0) -> Parsed:
    """
    Parse measurements in the order they were recorded, of one machine.

    A `perfanalysis[meta]` record begins a run and names its machine, unless `machine` is given. Subsystems that are
    not known are counted in a warning; a measurement that does not parse raises BadData.
    """
    parsed = Parsed()
    collected: dict[tuple[int, Group], Rows] = {}
    unknown: dict[str, int] = {}
    for at, measurement in enumerate(measurements, 1):
        try:
            if measurement.subsystem == META:
                meta = read_meta(measurement.text)
                run = meta["run"]
                machine = machine or meta["machine_id"]
                parsed.facts["meta"] = meta
            elif measurement.subsystem == FACTS:
                parsed.facts |= json_objects(measurement.text)
            elif measurement.subsystem == SOURCES:
                parsed.facts["sources"] = json_object(measurement.text)
            elif measurement.subsystem == metrics.CPUINFO:
                parsed.facts["cpuinfo"] = cpuinfo.parse(measurement.text)
            elif (known := parsers.find(measurement.subsystem)) is not None:
                group, parse = known
                values = list(parse(measurement.text))
                for value in values:
                    if not -INT64_MAX <= value.number <= INT64_MAX:
                        raise ValueError(f"{value.metric.name} is too large a number")
                collected.setdefault((run, group), Rows()).add(measurement.at_ms, values)
                if group is Group.CONTAINER:
                    add_container(parsed.facts, measurement)
            else:
                unknown[measurement.subsystem] = unknown.get(measurement.subsystem, 0) + 1
        except (ValueError, IndexError, KeyError, OverflowError, RecursionError) as error:
            raise BadData(
                f"Measurement {at}, {measurement.subsystem[:80]!r} at {measurement.timestamp}, cannot be read: "
                f"{reason(error)}."
            ) from error
    check_machine_id(machine)
    parsed.samples = [rows.samples(machine, run, group) for (run, group), rows in collected.items()]
    if unknown:
        listed = ", ".join(f"{name[:80]!r} ({count})" for name, count in sorted(unknown.items())[:20])
        what = "measurements were" if sum(unknown.values()) > 1 else "measurement was"
        parsed.warnings.append(f"{sum(unknown.values())} {what} left out, of unknown subsystems: {listed}.")
    return parsed


def reason(error: Exception) -> str:
    """Say in words what a parser stumbled over: most let Python's own conversions refuse what is not as it must be."""
    said = str(error)
    if said.startswith("invalid literal for int()"):
        return f"{said.partition(': ')[2][:80]} is not a whole number"
    if said.startswith("could not convert string to float"):
        return f"{said.partition(': ')[2][:80]} is not a number"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    if isinstance(error, IndexError) or said.startswith("not enough values to unpack"):
        return "it has too few fields"
    if isinstance(error, KeyError):
        return f"it has no {said}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else said


def json_object(text: str) -> dict[str, Any]:
    found = json.loads(text, parse_constant=refuse_constant)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def json_objects(text: str) -> dict[str, Any]:
    """Return the facts of a record, each by its name; what is no object, or has a name of ours, is passed over."""
    ours = {"meta", "cpuinfo", "sources"}
    return {name: fact for name, fact in json_object(text).items() if isinstance(fact, dict) and name not in ours}


def read_meta(text: str) -> dict[str, Any]:
    meta = json_object(text)
    if not isinstance(meta.get("run"), int) or isinstance(meta["run"], bool):
        raise ValueError('it is no JSON object with a whole number "run"')
    if not 0 <= meta["run"] <= INT64_MAX or not isinstance(meta.get("machine_id"), str):
        raise ValueError('its "run" or "machine_id" is not valid')
    return meta


def add_container(facts: dict[str, Any], measurement: Measurement) -> None:
    """Keep a container's name and runtime, which its record repeats at every sample."""
    found = container.record(measurement.text)
    facts.setdefault(
        f"container/{found['container_id']}",
        {"name": str(found.get("container_name") or ""), "runtime": str(found.get("runtime") or "")},
    )

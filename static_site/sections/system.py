"""The system: what the machine is, its open files and processes, and how its recorder did."""

from typing import Any

from appliance.analysis import derived
from appliance.hardware_metrics import FILES_MAX, FILES_OPEN
from appliance.process_metrics import PROCESSES_ALL, PROCESSES_BLOCKED, THREADS
from static_site import units
from static_site.content import Cell, Head, Section, Table
from static_site.names import shown
from static_site.subject import Subject, peak
from static_site.units import Quantity

COUNTS: list[tuple[str, Any, Quantity]] = [
    ("open files", FILES_OPEN, units.COUNT), ("files that may be open", FILES_MAX, units.COUNT),
    ("processes", PROCESSES_ALL, units.COUNT), ("blocked processes", PROCESSES_BLOCKED, units.COUNT),
    ("threads", THREADS, units.COUNT),
]  # fmt: skip


def section(subject: Subject) -> Section:
    run = subject.run
    meta: dict[str, Any] = run.facts.get("meta") or {}
    facts = [("hardware", subject.hardware)]
    facts += [
        (name.replace("_", " "), shown(str(meta[name])))
        for name in sorted(meta) if isinstance(meta[name], str | int) and name not in ("run", "machine_id")
    ]  # fmt: skip
    rows = [[Cell(name), Cell(value, name=True)] for name, value in facts]
    known = Table("system-facts", "What is known of the machine", [Head("fact", False), Head("value", False)], rows)
    parts: list[Table] = [known]
    counted = [
        [
            Cell(name), Cell(units.text(peak(series)[0], quantity)),
            Cell(subject.at(peak(series)[1]) if peak(series)[0] is not None else units.NOTHING),
        ]
        for name, metric, quantity in COUNTS
        if run.has(metric) and (series := derived.only(run.values(metric), "")) is not None
    ]  # fmt: skip
    if counted:
        heads = [Head("count", False), Head("most"), Head("at", title="UTC")]
        parts.append(Table("system-counts", "Files, processes and threads", heads, counted))
    missing = [name for name, metric, _ in COUNTS if not run.has(metric)]
    answer = f"The machine: {subject.hardware}."
    if missing:
        answer += f" Not collected: {units.listed(missing)}."
    return Section("system", "System", answer, parts)

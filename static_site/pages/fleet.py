"""The fleet page: the verdict over all machines, their findings, and a table to compare them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from appliance.analysis import derived
from appliance.analysis.findings.finding import SEVERITIES
from appliance.metrics import MEMORY_TOTAL
from static_site import times, units
from static_site.cases import rank
from static_site.content import Cell, Head, Table
from static_site.measures import Measure
from static_site.names import shown, visible
from static_site.report import Page, Report
from static_site.sections.finding import CLEAR, GLYPHS, UNKNOWN, Card, card
from static_site.sparkline import sparkline
from static_site.subject import Subject, peak
from static_site.verdicts import of_fleet

MOST_FINDINGS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A finding in the list of all machines."""

    machine: str
    identity: str
    href: str
    card: Card


def pages(report: Report) -> Iterator[Page]:
    every = sorted(
        ((subject, case) for subject in report.subjects for case in subject.cases),
        key=lambda pair: (rank(pair[1].worst), pair[0].run.machine_id),
    )
    lines = []
    for subject, case in every[:MOST_FINDINGS]:
        made = card(subject, case)
        lines.append(Line(subject.name, subject.identity, f"m/{subject.slug}/index.html#{made.time.ident}", made))
    counts = [
        (severity.value, GLYPHS[severity], sum(case.severity is severity for _, case in every))
        for severity in SEVERITIES
    ]
    yield Page(
        "index.html",
        "fleet.html",
        {
            "title": "Fleet overview",
            "verdict": of_fleet(report),
            "counts": [count for count in counts if count[2]],
            "lines": lines,
            "more": len(every) - len(lines),
            "problems": [visible(problem) for problem in report.problems],
            "table": table(report),
        },
    )


def table(report: Report) -> Table:
    heads = [
        Head("machine", False), Head("worst finding", False), Head("CPU", False, "busy, 0 to 100 %"), Head("CPU mean"),
        Head("CPU p95"), Head("CPU max"), Head("memory max"), Head("swap max"),
        Head("fullest file system", title="at most"), Head("disk max", title="highest rate of a disk, read or written"),
        Head("network max", title="highest rate of an interface, received or sent"), Head("coverage"),
        Head("period", False, "UTC"),
    ]  # fmt: skip
    order = sorted(report.subjects, key=lambda subject: (severity(subject), subject.name, subject.run.machine_id))
    rows = [row(subject, report.measures[subject.slug]) for subject in order]
    notes = [
        "CPU: share of all CPU time that was neither idle nor iowait, in the intervals at which a machine was sampled. "
        "The small charts go from 0 to 100 %, with a dot at the maximum.",
        f"{units.NOTHING}: not collected, or too few intervals for a percentile (p95 needs 200).",
    ]
    return Table(
        "machines-table",
        "Machines, the worst first",
        heads,
        rows,
        notes,
    )


def severity(subject: Subject) -> int:
    """Return how bad a machine's worst finding is; machines without samples stand last."""
    if not subject.has_samples:
        return len(SEVERITIES) + 1
    return SEVERITIES.index(subject.cases[0].severity) if subject.cases else len(SEVERITIES)


def row(subject: Subject, found: Sequence[Measure]) -> list[Cell]:
    name = Cell(subject.name, href=f"m/{subject.slug}/index.html", name=True, second=subject.identity)
    if not subject.has_samples:
        return [name, Cell(f"{UNKNOWN} no samples"), *[Cell(units.NOTHING)] * 11]
    busy = one(found, "CPU busy")
    percentiles = busy.summary.percentiles if busy else {}
    return [
        name, worst(subject), Cell("", svg=sparkline(subject.cpu["busy"], subject.span, "CPU busy", units.PERCENT)),
        Cell(percent(busy.summary.mean if busy else None)), Cell(percent(percentiles.get(95.0))),
        Cell(percent(busy.summary.maximum if busy else None)), Cell(percent(highest(found, "Memory used"))),
        Cell(swap(subject)), fullest(subject),
        Cell(units.text(highest(found, "read", "written"), units.TRAFFIC_PER_SECOND)),
        Cell(units.text(highest(found, "received", "sent"), units.BITS_PER_SECOND)),
        Cell(percent(subject.coverage)),
        Cell(period(subject)),
    ]  # fmt: skip


def period(subject: Subject) -> str:
    """Write when a machine has samples, so that a narrow column breaks it before the "to"."""
    written = times.stretch(subject.span.start_ms, subject.span.end_ms).removesuffix(" UTC")
    return written.replace(" to ", f" to{units.NO_BREAK}")


def worst(subject: Subject) -> Cell:
    if not subject.cases:
        return Cell(f"{CLEAR} clear", severity="clear")
    finding = subject.cases[0].worst
    return Cell(
        f"{GLYPHS[finding.severity]} {finding.severity.value}: {finding.rule.replace('-', ' ')}",
        title=visible(finding.sentence), severity=finding.severity.value,
    )  # fmt: skip


def one(found: Sequence[Measure], name: str) -> Measure | None:
    return next((measure for measure in found if measure.name == name), None)


def highest(found: Sequence[Measure], *names: str) -> float | None:
    tops = [
        measure.summary.maximum for measure in found if measure.name in names and measure.summary.maximum is not None
    ]
    return max(tops, default=None)


def percent(value: float | None) -> str:
    return units.text(value, units.PERCENT)


def swap(subject: Subject) -> str:
    used = derived.swap_used(subject.run)["bytes"] if subject.run.has(MEMORY_TOTAL) else pd.Series(dtype="float64")
    return units.text(peak(used)[0], units.BYTES)


def fullest(subject: Subject) -> Cell:
    most = derived.filesystem_used(subject.run).max().dropna()
    if not len(most):
        return Cell(units.NOTHING)
    text = f"{percent(float(most.max()))} {shown(str(most.idxmax()))}"
    return Cell(text, title=text, name=True)

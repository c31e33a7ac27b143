"""A machine's page: verdict, findings, key metrics, then every resource, events, and how it was measured."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from static_site import times, units
from static_site.content import Section
from static_site.measures import Measure
from static_site.report import Page, Report
from static_site.sections import (
    container,
    cpu,
    disk,
    event,
    filesystem,
    finding,
    key_metric,
    memory,
    method,
    network,
    pressure,
)
from static_site.subject import Subject
from static_site.verdicts import of_machine

SECTIONS: list[Callable[[Subject], Section | None]] = [
    cpu.section,
    memory.section,
    pressure.section,
    disk.section,
    network.section,
    filesystem.section,
    container.section,
    event.section,
    method.section,
]


def pages(report: Report) -> Iterator[Page]:
    for subject in report.subjects:
        yield page(subject, report.measures[subject.slug])


def page(subject: Subject, measured: Sequence[Measure]) -> Page:
    values: dict[str, Any] = {
        "title": subject.name,
        "identity": subject.identity,
        "verdict": of_machine(subject),
        "context": context(subject),
        "cards": [],
        "notes": [],
        "sections": [],
    }
    if subject.has_samples:
        found = [key_metric.section(subject, measured), *(section(subject) for section in SECTIONS)]
        values["cards"], values["notes"] = finding.cards(subject)
        values["sections"] = [section for section in found if section is not None]
    return Page(f"m/{subject.slug}/index.html", "machine.html", values)


def context(subject: Subject) -> list[tuple[str, str]]:
    """Return what a reader needs to judge the numbers: when, how often, how complete, on what."""
    if not subject.has_samples:
        return [("Samples", "none")]
    return [
        ("Period", period(subject)),
        ("Samples", samples(subject)),
        ("Coverage", units.text(subject.coverage, units.PERCENT)),
        ("Boots", units.grouped(len(subject.boots)) if subject.knows_boots else "not collected"),
        ("Hardware", subject.hardware),
    ]


def period(subject: Subject) -> str:
    written = times.stretch(subject.span.start_ms, subject.span.end_ms)
    return f"{written} ({times.duration(subject.span.seconds)})" if subject.span.seconds else written


def samples(subject: Subject) -> str:
    count = units.grouped(subject.samples)
    return count if subject.samples == 1 else f"{count} at {subject.interval} intervals"

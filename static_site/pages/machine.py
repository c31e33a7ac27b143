"""A machine's first page: verdict, findings with their proof, the USE matrix, then a few lines of every resource."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from static_site import times, units
from static_site.chapters import Chapter
from static_site.content import Figure, Link, Links, Note, Section
from static_site.measures import Measure
from static_site.pages.resource import related
from static_site.report import Page
from static_site.sections import event, finding, key_metric, timeline, use
from static_site.subject import Subject
from static_site.verdicts import of_machine


def pages(subject: Subject, measured: list[Measure], chapters: list[Chapter], digest: str) -> Iterator[Page]:
    yield Page(
        f"m/{subject.slug}/index.html", subject.name, of_machine(subject),
        sections(subject, measured, chapters) if subject.has_samples else [],
        identity=subject.identity, context=context(subject), related=related(), name=True, digest=digest,
        until_ms=subject.run.end_ms if subject.has_samples else None,
    )  # fmt: skip


def sections(subject: Subject, measured: Sequence[Measure], chapters: Sequence[Chapter]) -> list[Section]:
    links = {chapter.resource.measures: f"{chapter.resource.slug}.html" for chapter in chapters}
    consumers = [
        section for chapter in chapters for section in chapter.sections if section.ident == "process" and section.parts
    ]
    found = [
        findings(subject),
        use.section(subject),
        timeline.section(subject),
        key_metric.section(subject, measured, links),
        *(short(chapter) for chapter in chapters if chapter.resource.slug not in ("process", "system")),
        *consumers,
        event.section(subject),
        DOWNLOADS,
    ]
    return [section for section in found if section is not None]


def findings(subject: Subject) -> Section:
    cards, notes = finding.cards(subject)
    parts: list[Any] = [finding.Cards(cards)] if cards else []
    if notes:
        parts.append(finding.Lines(notes_of(subject), "Worth knowing"))
    parts += finding.checks(subject.examined)
    return Section("findings", "Findings", "" if cards else "Nothing was found wrong.", parts)


def notes_of(subject: Subject) -> list[finding.Listed]:
    return finding.lines(subject, [case for case in subject.cases if case.severity.value == "info"], "")


def short(chapter: Chapter) -> Section:
    """Return what a resource's page begins with: its answer and its first chart."""
    section = chapter.sections[0]
    figures: list[Any] = [replace(part, values=None) for part in section.parts if isinstance(part, Figure)]
    parts = (figures or [part for part in section.parts if isinstance(part, Note)])[:1]
    parts.append(Links([Link(f"All about {chapter.resource.title}", f"{chapter.resource.slug}.html")]))
    return replace(section, parts=parts)


DOWNLOADS = Section(
    "data", "Data", "What each chart shows is a CSV file beside it, on the page of its resource.",
    [
        Links([
            Link("Every file, with its rows and SHA-256", "../../data.html"),
            Link("How this was measured", "../../method.html"),
        ])
    ],
)  # fmt: skip


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

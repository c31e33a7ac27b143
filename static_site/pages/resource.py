"""A resource's page: findings, its charts, how the values are distributed, when, how measured, and downloads."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import DISK_BUSY, IO_WAITING, MEMORY_TOTAL
from static_site import when
from static_site.chapters import RESOURCES, Chapter
from static_site.content import Figure, Link, Links, Section
from static_site.measures import Measure
from static_site.names import slug
from static_site.report import Page
from static_site.sections import key_metric, method
from static_site.sections.finding import Lines, lines
from static_site.subject import Subject


def pages(subject: Subject, measured: list[Measure], chapters: list[Chapter], digest: str) -> Iterator[Page]:
    for chapter in chapters:
        yield page(subject, measured, chapter, digest)


def page(subject: Subject, measured: Sequence[Measure], chapter: Chapter, digest: str) -> Page:
    resource = chapter.resource
    sections: list[Section] = []
    files: dict[str, bytes] = {}
    if subject.has_samples:
        own = [case for case in subject.cases if case.worst.resource in resource.found]
        found = lines(subject, own, "index.html")
        answer = "" if found else "Nothing was found wrong."
        sections = [Section("findings", "Findings", answer, [Lines(found)] if found else [])]
        sections += [with_downloads(subject, section) for section in chapter.sections]
        files = {path(subject, figure): figure.csv for figure in chapter.figures if figure.csv}
        mine = [measure for measure in measured if measure.section == resource.measures]
        if mine:
            sections.append(replace(key_metric.section(subject, mine), title="Distribution"))
        if (busy := main_series(subject, resource.slug)) is not None and (times := when.section(subject, *busy)):
            sections.append(times)
        sections.append(method.definitions(subject, resource.groups))
        if files:
            links = [
                Link(f"{figure.name} {figure.title}".strip(), f"../../{path(subject, figure)}")
                for figure in chapter.figures
                if figure.csv
            ]
            sections.append(Section("downloads", "Downloads", "What each chart shows, as CSV.", [Links(links)]))
    verdict = chapter.sections[0].answer if chapter.sections else "There are no samples of this machine in the period."
    return Page(
        f"m/{subject.slug}/{resource.slug}.html", resource.title, verdict, sections,
        crumbs=[Link(subject.name, "index.html")], related=related(), files=files,
        until_ms=subject.run.end_ms if subject.has_samples else None, digest=digest, identity=subject.identity,
    )  # fmt: skip


def related() -> list[Link]:
    """Return the pages of a machine."""
    return [Link("Overview", "index.html"), *(Link(one.title, f"{one.slug}.html") for one in RESOURCES)]


def path(subject: Subject, figure: Figure) -> str:
    """Return where the file of a figure is in the site."""
    return f"data/{subject.slug}/{slug(figure.ident)}.csv"


def with_downloads(subject: Subject, section: Section) -> Section:
    parts: list[Any] = [
        replace(part, download=f"../../{path(subject, part)}") if isinstance(part, Figure) and part.csv else part
        for part in section.parts
    ]
    # The page says it already.
    return replace(section, parts=parts)


def main_series(subject: Subject, resource: str) -> tuple[str, pd.Series, pd.Series] | None:
    """Return the share that the page asks "when" of, with the seconds that each value stands for."""
    run = subject.run
    if resource == "cpu" and len(subject.cpu):
        return "CPU", subject.cpu["busy"], subject.cpu_seconds
    if resource == "memory" and run.has(MEMORY_TOTAL):
        return "Memory used", derived.memory_used(run)["percent"], run.seconds(MEMORY_TOTAL)
    if resource == "disk" and run.has(DISK_BUSY):
        busy = derived.share_of_time(run, DISK_BUSY)
        return "The busiest disk", busy.max(axis=1), run.seconds(DISK_BUSY)
    if resource == "pressure" and run.has(IO_WAITING):
        return "Waiting for I/O", derived.only(derived.share_of_time(run, IO_WAITING), ""), run.seconds(IO_WAITING)
    return None

"""The pages of a site, one kind a file, in reading order: those of the whole fleet, and those of each machine."""

from collections.abc import Callable, Iterable

from static_site.chapters import Chapter
from static_site.measures import Measure
from static_site.pages import data, events, findings, fleet, machine, method, resource
from static_site.report import Page, Report
from static_site.subject import Subject

PAGES: list[Callable[[Report], Iterable[Page]]] = [
    fleet.pages,
    findings.pages,
    events.pages,
    data.pages,
    method.pages,
]
MACHINE_PAGES: list[Callable[[Subject, list[Measure], list[Chapter], str], Iterable[Page]]] = [
    machine.pages,
    resource.pages,
]

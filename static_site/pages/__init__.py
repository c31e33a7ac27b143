"""The pages of a site, one a file, in reading order."""

from collections.abc import Callable, Iterable

from static_site.pages import fleet, machine
from static_site.report import Page, Report

PAGES: list[Callable[[Report], Iterable[Page]]] = [fleet.pages, machine.pages]

"""What all pages are made from, and what a page is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from static_site.measures import Measure
from static_site.subject import Subject


@dataclass(frozen=True, slots=True)
class Report:
    subjects: Sequence[Subject]
    problems: Sequence[str]
    """Sentences about what could not be read."""
    measures: Mapping[str, Sequence[Measure]]
    """The key metrics of each machine, by its slug."""
    generated_ms: int | None
    version: str


@dataclass(frozen=True, slots=True)
class Page:
    path: str
    """Where in the site, with slashes: m/web-1/index.html."""
    template: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The way from the page to the site's root."""
        return "../" * self.path.count("/")

"""What the pages of the whole fleet are made from, and what a page is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from static_site.content import Link, Section
from static_site.summary import Summary


@dataclass(frozen=True, slots=True)
class Report:
    machines: Sequence[Summary]
    problems: Sequence[str]
    """Sentences about what could not be read."""
    generated_ms: int | None
    version: str
    digest: str
    """Of everything that the machines' pages were made from."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is placed by `page.html`: what stands on top, and its sections."""

    path: str
    """Where in the site, with slashes: m/web-1/index.html."""
    title: str
    verdict: str
    sections: Sequence[Section]
    identity: str = ""
    """A machine's id, where its name does not tell it from others."""
    crumbs: Sequence[Link] = ()
    """The pages above this one; the fleet is always the first."""
    context: Sequence[tuple[str, str]] = ()
    counts: Sequence[tuple[str, str, int]] = ()
    """Findings by severity: (word, glyph, how many)."""
    related: Sequence[Link] = ()
    """The other pages of the machine."""
    until_ms: int | None = None
    """The end of the data on it."""
    digest: str = ""
    name: bool = False
    """The title is a name that a stranger gave."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What the page offers for download, by path in the site."""

    @property
    def root(self) -> str:
        """The way from the page to the site's root."""
        return "../" * self.path.count("/")

    @property
    def values(self) -> dict[str, Any]:
        return {"page": self, "root": self.root, "title": self.title}

"""
What is left of a machine once its pages are drawn: plain data, of which the pages of the whole fleet are made.

It is kept in the site (`m/<machine>/summary.json`), so that a machine whose data did not change is not read again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, with all its times as one."""

    rule: str
    severity: str
    resource: str
    subject: str
    sentence: str
    when: str
    lasted: str
    seen: str
    ident: str
    start_ms: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Happening:
    """A boot, a gap, a step of the clock ..."""

    kind: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Day:
    date: str
    severity: str
    """Of the worst finding of the day; empty where nothing was found."""
    rules: Sequence[str]
    busy: float | None
    """95th percentile of the CPU's busy time, in percent."""


@dataclass(frozen=True, slots=True)
class Download:
    path: str
    what: str
    rows: int
    columns: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Summary:
    slug: str
    machine_id: str
    name: str
    """Visible, but not cut."""
    shown: str
    identity: str
    verdict: str
    samples: int
    start_ms: int | None
    end_ms: int | None
    interval_seconds: float | None
    coverage: float | None
    recorder: str
    lines: Sequence[Line]
    """The worst first."""
    happenings: Sequence[Happening]
    more_happenings: int
    days: Sequence[Day]
    numbers: Mapping[str, float | None]
    """Of the key metrics: "CPU busy p95" ..."""
    previous: Mapping[str, float | None]
    """The same of the period before."""
    fullest: str
    spark: str
    """SVG of our own."""
    downloads: Sequence[Download]
    digest: str
    """Of the data, the configuration and the program that the pages were made from."""

    @property
    def has_samples(self) -> bool:
        return self.samples > 0

    @property
    def href(self) -> str:
        """Where the machine's page is, from the root of the site."""
        return f"m/{self.slug}/index.html"

    @property
    def severity(self) -> str:
        """The severity of the worst finding; empty if there is none."""
        return self.lines[0].severity if self.lines else ""


def written(summary: Summary) -> bytes:
    return json.dumps(asdict(summary), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def read(content: bytes) -> Summary:
    """Read what `written` wrote; raises ValueError, TypeError or KeyError for anything else."""
    found: dict[str, Any] = json.loads(content)
    parts: dict[str, Any] = {"lines": Line, "happenings": Happening, "days": Day, "downloads": Download}
    for name, part in parts.items():
        found[name] = [part(**one) for one in found[name]]
    return Summary(**found)

"""What a page is made of before it is HTML: sections of figures, tables and notes; plain data that templates place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

NO_RATES = "No interval to compute rates from: that takes two samples in a row."


@dataclass(frozen=True, slots=True)
class Key:
    """A line of a figure's legend."""

    name: str
    variable: str
    dashes: str
    area: bool


@dataclass(frozen=True, slots=True)
class Figure:
    ident: str
    name: str
    """The device it is of, if it is of one: shown in front of the title, apart from our own words."""
    title: str
    """The answer."""
    question: str
    """The question and what is drawn."""
    keys: Sequence[Key]
    svg: Markup
    caption: str
    narrow: Markup
    """The same for a narrow screen, which has room for fewer buckets."""
    narrow_caption: str
    values: "Table | None" = None
    """What is drawn, as numbers of longer stretches of time."""
    csv: bytes = b""
    """What is drawn, as a file."""
    download: str = ""
    """Where the file is, from the page."""


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    title: str = ""
    """What the text leaves out."""
    href: str = ""
    share: float | None = None
    """Drawn as a bar: 0 to 100."""
    heat: int | None = None
    """Ground colour: 0 to 6."""
    severity: str = ""
    svg: Markup | None = None
    name: bool = False
    """A name that a stranger gave."""
    second: str = ""
    """A name of a stranger's too, below in small letters."""
    order: float | None = None
    """What a script sorts the row by, where the text is a rounded number with a unit."""


@dataclass(frozen=True, slots=True)
class Head:
    text: str
    numeric: bool = True
    title: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first cell of each is its heading."""

    ident: str
    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    stacks: bool = True
    """On a narrow screen each row is a block of labelled values. A table that is read down its columns stays one."""


@dataclass(frozen=True, slots=True)
class Note:
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Links:
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Passed:
    """Checks, folded away: those that found nothing and those that were not possible."""

    summary: str
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Section:
    ident: str
    title: str
    answer: str
    parts: Sequence[Any] = field(default_factory=tuple)
    """Figures, tables, notes, links, cards and lists of findings."""

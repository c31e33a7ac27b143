"""A page as a strict reader sees it: text, tables, links and ids; it complains about tags that do not match."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "rect", "path", "circle", "use"}


@dataclass
class Page:
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    """What attributes point to by id."""
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text, white space of any kind made one space."""
        return re.sub(r"\s+", " ", "".join(self.words))

    def row(self, table: str, first: str) -> dict[str, str]:
        """Return the row of a table by its first cell, by the heads of its columns."""
        heads, *rows = self.tables[table]
        found = next(row for row in rows if row[0] == first)
        return dict(zip(heads, found, strict=True))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []
        self.table: list[list[str]] = []
        self.title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.page.tags.append((tag, values))
        if "id" in values:
            self.page.ids.append(values["id"])
        if tag in ("a", "link"):
            self.page.links.append(values["href"])
        for name in ("aria-labelledby", "aria-describedby"):
            self.page.references += values.get(name, "").split()
        self.page.references += re.findall(r"url\(#([^)]+)\)", " ".join(values.values()))
        if tag == "table":
            self.table = self.page.tables.setdefault(values.get("id", ""), [])
        elif tag == "tr":
            self.table.append([])
        elif tag in ("th", "td"):
            self.table[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.page.words.append(data)
        if self.open and {"th", "td"} & set(self.open[-4:]) and self.table and self.table[-1]:
            self.table[-1][-1] += re.sub(r"\s+", " ", data)


def read(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.open == [], f"{reader.open} are not closed"
    return reader.page


def together(pages: Mapping[str, Page], machine: str = "web-1") -> Page:
    """Read a machine's first page and those of its resources as one; of two tables of a name, the first page's."""
    found = Page()
    first = f"m/{machine}/index.html"
    for name in [first, *sorted(name for name in pages if name.startswith(f"m/{machine}/") and name != first)]:
        page = pages[name]
        found.ids += page.ids
        found.links += page.links
        found.references += page.references
        found.tags += page.tags
        found.words += page.words
        found.tables = {**page.tables, **found.tables}
    return found


def points(path: str) -> list[tuple[float, float]]:
    """Read a path of M, l and z as its points."""
    found, x, y = [], 0.0, 0.0
    for command, numbers in re.findall(r"([Mlz])([^Mlz]*)", path):
        pairs = [float(number) for number in re.findall(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)", numbers)]
        for across, down in zip(pairs[::2], pairs[1::2], strict=True):
            x, y = (across, down) if command == "M" else (x + across, y + down)
            found.append((x, y))
    return found

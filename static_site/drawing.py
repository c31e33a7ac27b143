"""A machine's pages: drawn, or taken as they are from the site that was there before."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2

from static_site import pages, times
from static_site.chapters import chapters
from static_site.content import Figure, Section
from static_site.environment import templates
from static_site.measures import measures
from static_site.report import Page
from static_site.settings import Settings
from static_site.subject import Subject
from static_site.summarising import summarised
from static_site.summary import SUMMARY, Summary, read, written

STYLE = "a/pa.css"
# Nothing is fetched from anywhere, and what a stranger's name might smuggle in would not run. On file:// not every
# browser counts the site itself as 'self'.
POLICY = "default-src 'none'; style-src 'self' file:; img-src data:; base-uri 'none'; form-action 'none'"
NAVIGATION = (
    ("Fleet", "index.html"), ("Findings", "findings.html"), ("Events", "events.html"), ("Data", "data.html"),
    ("Method", "method.html"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    summary: Summary
    files: Mapping[str, bytes]


def draw(subject: Subject, settings: Settings, version: str, made_from: str) -> Drawn:
    """Draw a machine's pages."""
    measured, found = measures(subject), chapters(subject)
    environment = templates()
    files: dict[str, bytes] = {}
    offered: dict[str, bytes] = {}
    for make in pages.MACHINE_PAGES:
        for page in make(subject, measured, found, made_from):
            shown = page if settings.charts else without_charts(page)
            files[page.path] = render(environment, shown, settings, version)
            offered.update(page.files)
    summary = summarised(subject, measured, offered, made_from)
    files.update(offered)
    files[f"m/{subject.slug}/{SUMMARY}"] = written(summary)
    return Drawn(summary, files)


def render(environment: jinja2.Environment, page: Page, settings: Settings, version: str) -> bytes:
    text = environment.get_template("page.html").render(
        page.values, style=STYLE, policy=POLICY, version=version, navigation=NAVIGATION, theme=settings.theme,
        until=times.stretch(page.until_ms, page.until_ms) if page.until_ms is not None else "",
        fleet=f"{page.root}index.html",
    )  # fmt: skip
    # A name from a file system may hold bytes that are no text at all.
    return text.encode("utf-8", "replace")


def without_charts(page: Page) -> Page:
    """Return a page with the tables of its charts in their place."""

    def part(one: object) -> object:
        return one.values if isinstance(one, Figure) and one.values is not None else one

    sections = [Section(one.ident, one.title, one.answer, [part(each) for each in one.parts]) for one in page.sections]
    return replace(page, sections=sections)


def unchanged(site: Path, manifest: Mapping[str, object], slug: str, made_from: str) -> Drawn | None:
    """Return a machine's files as they stand in the site before, if they were made from the same and are whole."""
    digests = manifest.get("files")
    if not isinstance(digests, dict):
        return None
    prefixes = (f"m/{slug}/", f"data/{slug}/")
    files = {}
    try:
        summary = read((site / f"m/{slug}/{SUMMARY}").read_bytes())
        if summary.digest != made_from or summary.slug != slug:
            return None
        for path, known in digests.items():
            if path.startswith(prefixes):
                files[path] = (site / path).read_bytes()
                if hashlib.sha256(files[path]).hexdigest() != known:
                    return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Drawn(summary, files) if f"m/{slug}/index.html" in files else None

"""All findings of all machines, by rule."""

from collections.abc import Iterator

from static_site import units
from static_site.content import Section
from static_site.pages.fleet import counted, listed, ranked
from static_site.report import Page, Report
from static_site.sections.finding import Lines, Listed

MOST = 1000


def pages(report: Report) -> Iterator[Page]:
    every = ranked(report)
    by_rule: dict[str, list[Listed]] = {}
    for machine, line in every[:MOST]:
        by_rule.setdefault(line.rule, []).append(listed(machine, line))
    sections = [
        Section(
            f"rule-{rule}", rule.replace("-", " ").capitalize(),
            f"On {units.counted(len({one.href.partition('#')[0] for one in found}), 'machine')}.", [Lines(found)],
        )
        for rule, found in by_rule.items()
    ]  # fmt: skip
    where = units.counted(len({one.slug for one, _ in every}), "machine")
    verdict = f"{units.counted(len(every), 'finding')} on {where}."
    if not every:
        verdict = "Nothing was found wrong."
    if len(every) > MOST:
        verdict += f" The worst {units.grouped(MOST)} are listed; the others are on the pages of their machines."
    yield Page(
        "findings.html",
        "Findings",
        verdict,
        sections,
        counts=counted(report),
        until_ms=report.generated_ms,
        digest=report.digest,
    )

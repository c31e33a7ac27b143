"""Findings as cards: what, where, when, how long, how far over the limit, and the chart that proves it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
from markupsafe import Markup

from appliance.analysis.findings import Examination
from appliance.analysis.findings.finding import Consumer, Finding, Moved, Severity
from static_site import times, units
from static_site.cases import Case, lasting, length
from static_site.charts import NARROW, WIDE, draw
from static_site.colours import BLUE
from static_site.content import Passed
from static_site.names import shown, slug, visible
from static_site.panels import Layout, Limit, Panel, Trace
from static_site.subject import Subject
from static_site.summary import Line
from static_site.times import Span

GLYPHS = {Severity.CRITICAL: "▲", Severity.HIGH: "▲", Severity.MEDIUM: "◆", Severity.INFO: "●"}
CLEAR, UNKNOWN = "○", "–"
MOST_CHARTS, MOST_TIMES = 12, 200
CONTEXT = 4
"""An evidence chart shows so many lengths of the episode before and after it."""
LEAST_CONTEXT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Time:
    """One of the times that a finding was made."""

    ident: str
    when: str
    lasted: str
    peak: str


@dataclass(frozen=True, slots=True)
class Card:
    time: Time
    severity: str
    glyph: str
    subject: str
    sentence: str
    limit: str
    rule: str
    seen: str
    """How often and how long in all; empty for once."""
    others: Sequence[Time] = ()
    more: int = 0
    """Others that are not listed."""
    svg: Markup | None = None
    narrow: Markup | None = None
    """The same for a narrow screen, so that the whole window is in sight."""
    caption: str = ""
    who: Sequence[str] = ()
    """Processes that used the resource in its time, the biggest first."""
    moved: Sequence[str] = ()
    """Other metrics that were not where they usually are."""
    meaning: str = ""
    next_steps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Cards:
    """Findings with their proof."""

    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding in a list: of one machine, or of all."""

    line: Line
    glyph: str
    href: str
    """Where its card is; empty where the list itself is its place."""
    machine: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    lines: Sequence[Listed]
    title: str = ""


def lines(subject: Subject, found: Sequence[Case], page: str) -> list[Listed]:
    """Return findings of a machine as lines, with links to their cards on a page."""
    return [
        Listed(line(subject, case), GLYPHS[case.severity], f"{page}#{identifier(subject, case.worst)}" if page else "")
        for case in found
    ]


def line(subject: Subject, case: Case) -> Line:
    made, worst = card(subject, case), case.worst
    return Line(
        worst.rule, worst.severity.value, worst.resource, made.subject, made.sentence, made.time.when,
        made.time.lasted, made.seen, made.time.ident, worst.start_ms, length(worst),
    )  # fmt: skip


def cards(subject: Subject) -> tuple[list[Card], list[Card]]:
    """Return a machine's findings, the worst with charts, and what is merely worth knowing."""
    serious = [case for case in subject.cases if case.severity is not Severity.INFO]
    notes = [case for case in subject.cases if case.severity is Severity.INFO]
    return (
        [detailed(subject, case, with_chart=number < MOST_CHARTS) for number, case in enumerate(serious)],
        [card(subject, case) for case in notes],
    )


def card(subject: Subject, case: Case) -> Card:
    finding, limit = case.worst, case.worst.evidence.limit
    return Card(
        time(subject, finding), finding.severity.value, GLYPHS[finding.severity], shown(finding.subject),
        units.joined(visible(finding.sentence)),
        "none" if limit is None else f"{units.significant(limit)} {finding.evidence.unit}", finding.rule,
        seen(case),
    )  # fmt: skip


def seen(case: Case) -> str:
    """Say how often a finding was made and how long in all; nothing for once."""
    if len(case.findings) == 1:
        return ""
    times_seen = f"{units.grouped(len(case.findings))} times"
    return f"{times_seen}, {times.duration(case.seconds)} in all" if case.seconds else times_seen


def detailed(subject: Subject, case: Case, *, with_chart: bool) -> Card:
    """Return a card with its other times and, if wanted, the chart of the worst."""
    others = [finding for finding in case.findings if finding is not case.worst]
    svg, narrow, caption = evidence_chart(subject, case.worst) if with_chart else (None, None, "")
    return replace(
        card(subject, case), svg=svg, narrow=narrow, caption=caption,
        others=[time(subject, finding) for finding in others[:MOST_TIMES]], more=max(0, len(others) - MOST_TIMES),
        who=[used(one) for one in case.worst.who], moved=[elsewhere(one) for one in case.worst.moved],
        meaning=case.worst.meaning, next_steps=case.worst.next_steps,
    )  # fmt: skip


def used(one: Consumer) -> str:
    amount = f"{units.number(one.amount)} {one.unit}".strip()
    return f"{visible(one.name)}: {amount}, {units.number(one.share)} % of {one.of}"


def elsewhere(one: Moved) -> str:
    values = [units.number(value) for value in (one.median, one.low, one.high)]
    return f"{one.name}: {values[0]} {one.unit}, nine tenths of the time {values[1]} to {values[2]}"


def checks(examined: Examination) -> list[Passed]:
    """Return the checks that found nothing and those that were not possible, with the reason, folded away."""
    passed, impossible = len(examined.passed), len(examined.not_possible)
    if not passed + impossible:
        return []
    summary = f"{units.counted(passed, 'check')} found nothing, {units.grouped(impossible)} not possible"
    items = [rule.title for rule in examined.passed]
    items += [f"{one.rule.title}: not possible, {visible(one.reason)}" for one in examined.not_possible]
    return [Passed(summary, items)]


def time(subject: Subject, finding: Finding) -> Time:
    evidence = finding.evidence
    return Time(
        identifier(subject, finding), times.stretch(finding.start_ms, finding.end_ms), lasting(length(finding)),
        f"{units.number(evidence.peak)} {evidence.unit} at {subject.at(evidence.peak_at_ms)}",
    )  # fmt: skip


def identifier(subject: Subject, finding: Finding) -> str:
    """Name a finding by what it is and when it began, so that a longer episode keeps its address."""
    began = f"{times.moment(finding.start_ms):%Y%m%dT%H%M}"
    known = "\0".join([finding.rule, subject.run.machine_id, finding.subject, str(finding.start_ms)])
    digest = hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:4]
    return f"f-{slug(finding.rule)}-{subject.slug}-{began}-{digest}"


def evidence_chart(subject: Subject, finding: Finding) -> tuple[Markup, Markup, str]:
    """Draw the window of a finding, with what was before and after: for a wide and for a narrow screen."""
    evidence = finding.evidence
    around = max(CONTEXT * (finding.end_ms - finding.start_ms), LEAST_CONTEXT_MS)
    window = Span(
        max(min(subject.span.start_ms, finding.start_ms), finding.start_ms - around),
        min(max(subject.span.end_ms, finding.end_ms), finding.end_ms + around),
    )
    series = evidence.series.loc[window.start_ms : window.end_ms]
    held = pd.Series(subject.run.interval_seconds or 1.0, index=series.index)
    of_whole = evidence.unit.startswith("%") and evidence.peak <= 100
    limit = None if evidence.limit is None else Limit(evidence.limit, f"limit {units.significant(evidence.limit)}")
    panel = Panel(
        [Trace(evidence.title, series, held, BLUE)], units.plain(evidence.unit), top=100 if of_whole else None,
        limit=limit, gaps=inside(subject, series, window),
    )  # fmt: skip
    title = f"{evidence.title}: {shown(finding.subject)}"
    description = f"{visible(finding.sentence)} Shaded: {times.stretch(finding.start_ms, finding.end_ms)}."
    layout = Layout(height=100, episode=(finding.start_ms, finding.end_ms))
    ident = identifier(subject, finding)
    wide, narrow = (
        draw(f"{ident}-{end}", title, description, [panel], window, layout, paper).svg
        for end, paper in (("c", WIDE), ("n", NARROW))
    )
    return wide, narrow, f"{evidence.title}, {evidence.unit}. Shaded: the time of the finding."


def inside(subject: Subject, series: pd.Series, window: Span) -> Sequence[tuple[int, int]]:
    """Return the gaps between the samples of a series, within a window."""
    intervals = subject.run.measure(series.index.to_numpy())
    rows = (intervals.gaps | intervals.boots).nonzero()[0]
    gaps = [(int(series.index[row - 1]), int(series.index[row])) for row in rows]
    return [(max(start, window.start_ms), min(end, window.end_ms)) for start, end in gaps]

"""A machine, once its pages are drawn, as the plain data that the pages of the fleet are made of."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from appliance.analysis import derived
from appliance.analysis.findings.finding import SEVERITIES
from appliance.metrics import MEMORY_TOTAL
from static_site import buckets, times, units
from static_site.measures import Measure
from static_site.names import shown, visible
from static_site.sections.finding import line
from static_site.sparkline import sparkline
from static_site.subject import Subject, peak
from static_site.summary import Day, Download, Happening, Summary
from static_site.times import DAY_MS
from static_site.verdicts import of_machine

MOST_HAPPENINGS, MOST_DAYS, MOST_LINES = 100, 31, 50
KEPT = ("p50", "p95", "p99", "mean", "max")


def summarised(subject: Subject, measured: Sequence[Measure], files: Mapping[str, bytes], digest: str) -> Summary:
    run, there = subject.run, subject.has_samples
    meta = run.facts.get("meta") or {}
    spark = sparkline(subject.cpu["busy"], subject.span, "CPU busy", units.PERCENT, 40) if there else None
    fullest = derived.filesystem_used(run).max().dropna()
    events = run.events if there else []
    return Summary(
        slug=subject.slug,
        machine_id=run.machine_id,
        name=visible(subject.whole_name),
        shown=subject.name,
        identity=subject.identity,
        verdict=of_machine(subject),
        samples=subject.samples if there else 0,
        start_ms=subject.span.start_ms if there else None,
        end_ms=subject.span.end_ms if there else None,
        interval_seconds=run.interval_seconds if there else None,
        coverage=subject.coverage if there else None,
        recorder=shown(str(meta.get("version", ""))),
        lines=[line(subject, case) for case in subject.cases[:MOST_LINES]],
        happenings=[
            Happening(event.kind, event.start_ms, event.end_ms, visible(event.text))
            for event in events[-MOST_HAPPENINGS:]
        ],
        more_happenings=max(0, len(events) - MOST_HAPPENINGS),
        days=days(subject) if there else [],
        numbers=numbers(subject, measured) if there else {},
        previous=previous(measured),
        fullest=shown(str(fullest.idxmax())) if len(fullest) else "",
        spark=str(spark or ""),
        downloads=[download(path, content) for path, content in sorted(files.items())],
        digest=digest,
    )


def numbers(subject: Subject, measured: Sequence[Measure]) -> dict[str, float | None]:
    """Return the key metrics as numbers; of devices, the highest of all."""
    found: dict[str, float | None] = {}
    for measure in measured:
        summary = measure.summary
        for kind, value in zip(KEPT, (
            *(summary.percentiles.get(percent) for percent in (50.0, 95.0, 99.0)), summary.mean, summary.maximum,
        ), strict=True):  # fmt: skip
            name = f"{measure.name} {kind}"
            known = found.get(name)
            found[name] = value if known is None else known if value is None else max(known, value)
    if subject.run.has(MEMORY_TOTAL):
        found["Swap bytes max"] = peak(derived.swap_used(subject.run)["bytes"])[0]
    fullest = derived.filesystem_used(subject.run).max().dropna()
    found["File system max"] = float(fullest.max()) if len(fullest) else None
    return {name: None if value is None else float(f"{value:.12g}") for name, value in found.items()}


def previous(measured: Sequence[Measure]) -> dict[str, float | None]:
    """Return the 95th percentiles of the period before, of what is known of both."""
    return {
        f"{f'{shown(measure.of)} ' if measure.of else ''}{measure.name}": measure.previous.percentiles[95.0]
        for measure in measured
        if measure.previous is not None and measure.previous.percentiles[95.0] is not None
    }


def days(subject: Subject) -> list[Day]:
    """Return the last days of the period, each with the worst that was found on it."""
    busy = buckets.bucketed(subject.cpu["busy"], subject.cpu_seconds, DAY_MS // 1000)
    high = {
        times.date(int(at_ms) - DAY_MS // 2): value
        for at_ms, value in zip(busy.at_ms.tolist(), busy.high.tolist(), strict=True)
        if not math.isnan(value)
    }
    sampled = {times.date(int(at_ms)) for at_ms in (subject.run.at_ms // DAY_MS * DAY_MS).tolist()}
    serious = [finding for finding in subject.findings if finding.severity.value != "info"]
    first, last = times.moment(subject.span.start_ms).date(), times.moment(subject.span.end_ms).date()
    found = []
    for number in range(max(0, (last - first).days + 1 - MOST_DAYS), (last - first).days + 1):
        date = str(first + timedelta(days=number))
        if date not in sampled:
            continue
        on_it = [one for one in serious if times.date(one.start_ms) <= date <= times.date(one.end_ms)]
        worst = min((SEVERITIES.index(one.severity) for one in on_it), default=None)
        rules = sorted({one.rule for one in on_it})
        share = high.get(date)
        found.append(
            Day(
                date,
                "" if worst is None else SEVERITIES[worst].value,
                rules,
                None if share is None else round(share, 1),
            )
        )
    return found


def download(path: str, content: bytes) -> Download:
    lines = content.split(b"\n")
    return Download(
        path, path.rpartition("/")[2].removesuffix(".csv"), max(0, len(lines) - 2), lines[0].count(b",") + 1,
        len(content), hashlib.sha256(content).hexdigest(),
    )  # fmt: skip

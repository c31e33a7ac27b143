"""What interrupted the samples of all machines, the latest first."""

from collections.abc import Iterator

from static_site import times, units
from static_site.content import Cell, Head, Section, Table
from static_site.report import Page, Report
from static_site.sections.event import WORDS

MOST = 1000


def pages(report: Report) -> Iterator[Page]:
    every = sorted(
        ((machine, event) for machine in report.machines for event in machine.happenings),
        key=lambda pair: (-pair[1].end_ms, pair[0].machine_id, pair[1].kind),
    )
    counts = {word: sum(event.kind == kind for _, event in every) for kind, word in WORDS.items()}
    said = units.listed([f"{word}: {units.grouped(count)}" for word, count in counts.items() if count])
    heads = [
        Head("machine", False), Head("event", False), Head("last sample before", False, "UTC"),
        Head("first after", False, "UTC"), Head("length"), Head("what", False),
    ]  # fmt: skip
    rows = [
        [
            Cell(machine.shown, href=f"{machine.href}#events", name=True, second=machine.identity),
            Cell(WORDS[event.kind]),
            Cell(written(event.start_ms)),
            Cell(written(event.end_ms)),
            Cell(times.duration((event.end_ms - event.start_ms) / 1000)),
            Cell(units.joined(event.text)),
        ]
        for machine, event in every[:MOST]
    ]
    left = len(every) - len(rows) + sum(machine.more_happenings for machine in report.machines)
    notes = [f"{units.grouped(left)} earlier events are on the pages of their machines."] if left else []
    parts = [Table("events-table", "Events, the latest first, UTC", heads, rows, notes)] if rows else []
    answer = f"{said}." if said else "No boot, gap, step of a clock or reset of a counter was seen."
    sections = [Section("events", "All events", "", parts)] if rows else []
    yield Page("events.html", "Events", answer, sections, until_ms=report.generated_ms, digest=report.digest)


def written(at_ms: int) -> str:
    return times.stretch(at_ms, at_ms).removesuffix(" UTC")

"""What interrupted the samples: boots, gaps, clock steps and counters that began again."""

from static_site import times, units
from static_site.content import Cell, Head, Note, Section, Table
from static_site.names import visible
from static_site.subject import Subject

WORDS = {"boot": "Boot", "gap": "Gap", "clock": "Clock set", "reset": "Counters reset"}
MOST_ROWS = 200


def section(subject: Subject) -> Section:
    events = subject.run.events
    if not events:
        return Section("events", "Events", "No boot, gap, step of the clock or reset of a counter in the period.")
    heads = [
        Head("event", False), Head("last sample before"), Head("first after"), Head("length"), Head("what", False),
    ]  # fmt: skip
    rows = [
        [
            Cell(WORDS[event.kind]), Cell(subject.at(event.start_ms)), Cell(subject.at(event.end_ms)),
            Cell(times.duration((event.end_ms - event.start_ms) / 1000)), Cell(visible(event.text)),
        ]
        for event in events[:MOST_ROWS]
    ]  # fmt: skip
    counts = {word: sum(event.kind == kind for event in events) for kind, word in WORDS.items()}
    answer = units.listed([f"{word}: {units.grouped(count)}" for word, count in counts.items() if count]) + "."
    parts: list[Table | Note] = [Table("events-table", "Events by time, UTC", heads, rows)]
    if len(events) > MOST_ROWS:
        parts.append(Note(f"{units.grouped(len(events) - MOST_ROWS)} later events are not listed."))
    return Section("events", "Events", answer, parts)

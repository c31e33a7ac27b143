"""What interrupted the samples: boots, gaps, clock steps, sleep, lost samples and counters that began again."""

from appliance.metrics import UPTIME_SECONDS, Group
from static_site import times, units
from static_site.content import Cell, Head, Note, Section, Table
from static_site.names import visible
from static_site.subject import Subject

WORDS = {
    "boot": "Boot", "gap": "Gap", "clock": "Clock set", "suspend": "Sleep", "lost": "Samples lost",
    "reset": "Counters reset", "kill": "Processes killed", "change": "Change", "suspect": "Impossible rate",
}  # fmt: skip
MOST_ROWS = 200


def section(subject: Subject) -> Section:
    events = subject.run.events
    if not events:
        return Section("events", "Events", nothing(subject))
    heads = [
        Head("event", False), Head("last sample before"), Head("first after"), Head("length"), Head("what", False),
    ]  # fmt: skip
    rows = [
        [
            Cell(WORDS[event.kind]), Cell(subject.at(event.start_ms)), Cell(subject.at(event.end_ms)),
            Cell(times.duration((event.end_ms - event.start_ms) / 1000)), Cell(units.joined(visible(event.text))),
        ]
        for event in events[:MOST_ROWS]
    ]  # fmt: skip
    counts = {word: sum(event.kind == kind for event in events) for kind, word in WORDS.items()}
    answer = units.listed([f"{word}: {units.grouped(count)}" for word, count in counts.items() if count]) + "."
    parts: list[Table | Note] = [Table("events-table", "Events by time, UTC", heads, rows)]
    if len(events) > MOST_ROWS:
        parts.append(Note(f"{units.grouped(len(events) - MOST_ROWS)} later events are not listed."))
    return Section("events", "Events", f"{answer}{unknown(subject)}", parts)


def nothing(subject: Subject) -> str:
    """Say of which events there were none: of those that the data would show."""
    kinds = ["boot"] if subject.knows_boots else []
    kinds += ["gap", *(["step of the clock"] if knows_steps(subject) else [])]
    return f"No {', '.join(kinds)} or reset of a counter in the period.{unknown(subject)}"


def unknown(subject: Subject) -> str:
    """Say which events the data would not show."""
    kinds = [*([] if subject.knows_boots else ["boots"]), *([] if knows_steps(subject) else ["steps of the clock"])]
    listed = units.listed(kinds)
    return f" {listed[:1].upper()}{listed[1:]}: not collected." if kinds else ""


def knows_steps(subject: Subject) -> bool:
    """Say whether there is a clock that nobody sets to compare the other with, or a recorder that does."""
    return subject.run.has(UPTIME_SECONDS) or Group.EVENT in subject.run.tables

"""The first page: the verdict over all machines, what was found, which days, and tables to compare them."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from appliance.analysis.findings.finding import SEVERITIES
from static_site import times, units
from static_site.content import Cell, Head, Link, Links, Note, Section, Table
from static_site.names import visible
from static_site.peers import LEAST_PEERS, changes, outliers
from static_site.report import Page, Report
from static_site.sections.finding import CLEAR, GLYPHS, UNKNOWN, Lines, Listed
from static_site.summary import Line, Summary
from static_site.units import Quantity
from static_site.verdicts import of_fleet

MOST_FINDINGS, MOST_ROWS, MOST_DAYS = 10, 10, 31
AGAINST = "Against the period of equal length before, the largest first"
INCOMPLETE = "Machines with samples missing, or that stopped before the others"
MARKS = {severity.value: GLYPHS[severity] for severity in SEVERITIES}
QUANTITIES: dict[str, Quantity] = {
    "wait": units.SECONDS, "received": units.BITS_PER_SECOND, "sent": units.BITS_PER_SECOND,
}  # fmt: skip
"""Of the metrics that are no share."""


def pages(report: Report) -> Iterator[Page]:
    sections = [findings(report), problems(report), days(report), machines(report)]
    if len(report.machines) > 1:
        sections += [peers(report), changed(report)]
    sections.append(quality(report))
    yield Page(
        "index.html", "Fleet overview", of_fleet(report), [section for section in sections if section is not None],
        counts=counted(report), until_ms=report.generated_ms, digest=report.digest,
    )  # fmt: skip


def counted(report: Report) -> list[tuple[str, str, int]]:
    every = [line.severity for machine in report.machines for line in machine.lines]
    return [(word, glyph, every.count(word)) for word, glyph in MARKS.items() if word in every]


def ranked(report: Report) -> list[tuple[Summary, Line]]:
    """Return all findings, the worst first, then the longest."""
    order = list(MARKS)
    every = [(machine, line) for machine in report.machines for line in machine.lines]
    return sorted(every, key=lambda pair: (
        order.index(pair[1].severity), -pair[1].seconds, pair[1].start_ms, pair[0].machine_id,
    ))  # fmt: skip


def listed(machine: Summary, line: Line) -> Listed:
    return Listed(line, MARKS[line.severity], f"{machine.href}#{line.ident}", machine.shown, machine.identity)


def grouped(report: Report) -> list[tuple[Summary, Line, int]]:
    """Return each rule's worst finding, and on how many machines more it was found."""
    found: dict[tuple[str, str], list[tuple[Summary, Line]]] = {}
    for machine, line in ranked(report):
        found.setdefault((line.rule, line.severity), []).append((machine, line))
    return [(*group[0], len({one.slug for one, _ in group}) - 1) for group in found.values()]


def findings(report: Report) -> Section:
    every = ranked(report)
    if not every:
        return Section("findings", "Findings, the worst first", "Nothing was found wrong.")
    first = [listed(*pair) for pair in every[:MOST_FINDINGS]]
    parts: list[object] = [Lines(first)]
    if len(every) > len(first):
        parts.append(Links([Link(f"All {units.counted(len(every), 'finding')}, by rule", "findings.html")]))
    common = [
        f"{line.rule.replace('-', ' ')} on {units.counted(more + 1, 'machine')}"
        for _, line, more in grouped(report)
        if more
    ]
    answer = f"Found on more than one machine: {units.listed(common)}." if common else ""
    return Section("findings", "Findings, the worst first", answer, parts)


def problems(report: Report) -> Section | None:
    if not report.problems:
        return None
    notes = [Note(visible(problem)) for problem in report.problems]
    return Section("problems", "Could not be read", "", notes)


def days(report: Report) -> Section | None:
    """Return a row for each machine and a column for each day: the worst that was found, or that nothing was."""
    dates = sorted({day.date for machine in report.machines for day in machine.days})[-MOST_DAYS:]
    if not dates:
        return None
    rows = []
    for machine in order(report):
        known = {day.date: day for day in machine.days}
        cells = [Cell(machine.shown, href=machine.href, name=True, second=machine.identity)]
        for date in dates:
            day = known.get(date)
            if day is None:
                cells.append(Cell(UNKNOWN))
            elif not day.severity:
                cells.append(Cell(CLEAR))
            else:
                rules = ", ".join(rule.replace("-", " ") for rule in day.rules)
                cells.append(Cell(MARKS[day.severity], title=f"{day.severity}: {rules}", severity=day.severity))
        rows.append(cells)
    heads = [Head("machine", False), *(Head(date[5:], title=date) for date in dates)]
    legend = f"▲ critical or high, ◆ medium, {CLEAR} nothing found, {UNKNOWN} no samples. Days are those of UTC."
    table = Table("days-table", "The worst finding of each machine and day", heads, rows, [legend], stacks=False)
    bad = {
        date: sum(day.date == date and bool(day.severity) for one in report.machines for day in one.days)
        for date in dates
    }
    worst = max(dates, key=lambda date: bad[date])
    where = units.counted(bad[worst], "machine")
    answer = f"{worst} was the worst day: something was found on {where}." if bad[worst] else "Nothing was found."
    return Section("days", "Machines by day", answer, [table])


def machines(report: Report) -> Section:
    heads = [
        Head("machine", False), Head("worst finding", False), Head("CPU", False, "busy, 0 to 100 %"), Head("CPU mean"),
        Head("CPU p95"), Head("CPU max"), Head("memory max"), Head("swap max"),
        Head("fullest file system", title="at most"), Head("disk max", title="highest rate of a disk, read or written"),
        Head("network max", title="highest rate of an interface, received or sent"),
        Head("disk wait p95", title="mean time of a request, the slowest disk"), Head("coverage"),
    ]  # fmt: skip
    notes = [
        "CPU: share of all CPU time that was neither idle nor iowait, in the intervals at which a machine was sampled. "
        "The small charts go from 0 to 100 %, with a dot at the maximum.",
        f"{units.NOTHING}: not collected, or too few intervals for a percentile (p95 needs 200).",
    ]
    rows = [row(machine) for machine in order(report)]
    return Section(
        "machines", "Machines", "", [Table("machines-table", "Machines, the worst first", heads, rows, notes)]
    )


def order(report: Report) -> list[Summary]:
    """Return the machines, the worst first; those without samples last."""
    words = list(MARKS)
    return sorted(report.machines, key=lambda one: (
        not one.has_samples, words.index(one.severity) if one.severity else len(words), one.shown, one.machine_id,
    ))  # fmt: skip


def row(machine: Summary) -> list[Cell]:
    name = Cell(machine.shown, href=machine.href, name=True, second=machine.identity)
    if not machine.has_samples:
        return [name, Cell(f"{UNKNOWN} no samples"), *[Cell(units.NOTHING)] * 11]
    numbers = machine.numbers
    fullest = numbers.get("File system max")
    return [
        name, worst(machine), Cell("", svg=Markup(machine.spark) if machine.spark else None),  # noqa: S704
        number(numbers.get("CPU busy mean"), units.PERCENT), number(numbers.get("CPU busy p95"), units.PERCENT),
        number(numbers.get("CPU busy max"), units.PERCENT), number(numbers.get("Memory used max"), units.PERCENT),
        number(numbers.get("Swap bytes max"), units.BYTES),
        Cell(units.NOTHING) if fullest is None
        else Cell(f"{units.text(fullest, units.PERCENT)} {machine.fullest}", name=True, order=fullest),
        number(highest(numbers.get("read max"), numbers.get("written max")), units.TRAFFIC_PER_SECOND),
        number(highest(numbers.get("received max"), numbers.get("sent max")), units.BITS_PER_SECOND),
        number(numbers.get("wait p95"), units.SECONDS), number(machine.coverage, units.PERCENT),
    ]  # fmt: skip


def number(value: float | None, quantity: Quantity) -> Cell:
    # What is written with one unit sorts by its text.
    return Cell(units.text(value, quantity), order=None if quantity is units.PERCENT else value)


def highest(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def worst(machine: Summary) -> Cell:
    if not machine.lines:
        return Cell(f"{CLEAR} clear", severity="clear")
    line = machine.lines[0]
    return Cell(f"{MARKS[line.severity]} {line.severity}: {line.rule.replace('-', ' ')}", severity=line.severity)


def quantity(metric: str) -> Quantity:
    return QUANTITIES.get(metric, units.PERCENT)


def peers(report: Report) -> Section:
    title = "Outliers against all machines"
    if len(report.machines) < LEAST_PEERS:
        return Section("outliers", title, f"Not possible: that takes {LEAST_PEERS} machines.")
    found = outliers(report.machines)
    if not found:
        return Section("outliers", title, "No machine's 95th percentile is far from the others'.")
    heads = [Head("machine", False), Head("metric", False), Head("p95"), Head("median of all"), Head("robust z")]
    rows = [
        [
            Cell(one.machine.shown, href=one.machine.href, name=True, second=one.machine.identity), Cell(one.metric),
            Cell(units.text(one.value, quantity(one.metric))), Cell(units.text(one.middle, quantity(one.metric))),
            Cell(units.change(one.score, units.plain(""))),
        ]
        for one in found[:MOST_ROWS]
    ]  # fmt: skip
    notes = [
        "Robust z: distance from the median over the median distance, times 0.6745; shown above 3.5 (Iglewicz and "
        "Hoaglin)."
    ]
    if len(found) > MOST_ROWS:
        notes.append(f"{len(found) - MOST_ROWS} more are less far.")
    first = found[0]
    value, middle = (units.text(number, quantity(first.metric)) for number in (first.value, first.middle))
    answer = f"{first.machine.shown} stands out the most: {first.metric} {value}, the median of all is {middle}."
    return Section(
        "outliers", title, answer, [Table("outliers-table", "Farthest from the median first", heads, rows, notes)]
    )


def changed(report: Report) -> Section:
    title = "Largest changes"
    if not any(machine.previous for machine in report.machines):
        return Section(
            "changes", title, "Not possible: the report holds no samples from before the period, or too few."
        )
    found = changes(report.machines)
    if not found:
        return Section("changes", title, "No 95th percentile changed by more than its floor.")
    heads = [Head("machine", False), Head("metric", False), Head("p95 before"), Head("p95 now"), Head("change")]
    rows = [
        [
            Cell(one.machine.shown, href=one.machine.href, name=True, second=one.machine.identity), Cell(one.metric),
            Cell(units.text(one.before, quantity(one.metric))), Cell(units.text(one.now, quantity(one.metric))),
            Cell(units.change(one.now - one.before, quantity(one.metric))),
        ]
        for one in found[:MOST_ROWS]
    ]  # fmt: skip
    return Section("changes", title, "", [Table("changes-table", AGAINST, heads, rows)])


def quality(report: Report) -> Section:
    """Say what is missing: machines, samples, and what differs between recorders."""
    sampled = [machine for machine in report.machines if machine.has_samples]
    heads = [
        Head("machine", False),
        Head("samples"),
        Head("interval"),
        Head("coverage"),
        Head("gaps"),
        Head("last sample", False, "UTC"),
    ]
    worst_first: Sequence[Summary] = sorted(
        (one for one in report.machines if not one.has_samples or (one.coverage or 0) < 99 or ended(one, report)),
        key=lambda one: (one.has_samples, one.coverage or 0.0, one.machine_id),
    )
    rows = [
        [
            Cell(one.shown, href=one.href, name=True, second=one.identity), Cell(units.grouped(one.samples)),
            Cell(units.NOTHING if one.interval_seconds is None else times.duration(one.interval_seconds)),
            Cell(units.text(one.coverage, units.PERCENT)),
            Cell(units.grouped(sum(event.kind == "gap" for event in one.happenings))),
            Cell(units.NOTHING if one.end_ms is None else times.stretch(one.end_ms, one.end_ms).removesuffix(" UTC")),
        ]
        for one in worst_first[: 2 * MOST_ROWS]
    ]  # fmt: skip
    known = [machine.coverage for machine in sampled if machine.coverage is not None]
    average = "No two samples follow each other."
    if known:
        average = f"{units.text(sum(known) / len(known), units.PERCENT)} of expected samples were there."
    versions = sorted({machine.recorder for machine in sampled if machine.recorder})
    if len(versions) > 1:
        average += f" Recorders of {units.counted(len(versions), 'version')}: {', '.join(versions[:6])}."
    if not rows:
        return Section("quality", "Data quality", f"{average} Every machine's are complete.")
    notes = [f"{len(worst_first) - len(rows)} more are not listed."] if len(worst_first) > len(rows) else []
    return Section("quality", "Data quality", average, [Table("quality-table", INCOMPLETE, heads, rows, notes)])


def ended(machine: Summary, report: Report) -> bool:
    """Say whether a machine's samples stop more than ten intervals before the report's end."""
    if machine.end_ms is None or report.generated_ms is None:
        return True
    return report.generated_ms - machine.end_ms > 10_000 * max(60.0, machine.interval_seconds or 0.0)

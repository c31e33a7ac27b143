"""The percentile table: what can be said of the distribution of each key metric, and no more."""

from collections.abc import Mapping, Sequence

from appliance.analysis.statistics import ENOUGH_IN_TAIL, PERCENTILES, Summary
from static_site import times, units
from static_site.content import Cell, Head, Section, Table
from static_site.measures import Measure
from static_site.names import shown
from static_site.subject import Subject
from static_site.units import Quantity

TITLES = {percentile: f"p{percentile:g}" for percentile in PERCENTILES}


def section(subject: Subject, found: Sequence[Measure], links: Mapping[str, str] | None = None) -> Section:
    """Return the table of some metrics; `links` say where there is more of each, by its section."""
    if not found:
        return Section("metrics", "Key metrics", "There is nothing to compute them from.")
    heads = [
        Head("metric", False), Head("unit", False), Head("n", title="intervals with a value"),
        Head("coverage", title="share of the period that they cover"), Head("mean", title="weighted by time"),
        *(Head(title) for title in TITLES.values()), Head("max"), Head("max at", title="UTC"),
        Head("time over limit", title="in all, and the longest stretch"),
        Head("previous p95", title="of the period before"), Head("Δ", title="p95 less the previous p95"),
        Head("course", False, "95th percentile over the period, and a dot at the maximum"),
    ]  # fmt: skip
    rows = [row(subject, measure, links) for measure in found]
    fewest = min(measure.summary.n for measure in found)
    notes = [
        "The population is the values of intervals, weighted by the length of the interval; missing ones are left out.",
        "Time over limit: how long it was at the limit of its finding rule or over it, and how long at a stretch; "
        f"{units.NOTHING}: no rule looks at it.",
        before(subject, found),
        "The small charts go from 0 to 100 % for shares, else from 0 to the maximum, with a dot there.",
        *suppressed(fewest),
    ]
    intervals = f"{subject.interval} intervals" if subject.samples > 1 else "a single sample"
    caption = f"Percentiles of {intervals}"
    answer = f"How the values of {intervals} were distributed."
    return Section(
        "metrics", "Key metrics", answer, [Table("metrics-table", caption, heads, rows, notes, stacks=False)]
    )


def row(subject: Subject, measure: Measure, links: Mapping[str, str] | None) -> list[Cell]:
    summary, quantity = measure.summary, measure.quantity
    href = (links or {}).get(measure.section, f"#{measure.section}")
    # A share's unit stands in its own column.
    bare = units.plain("", quantity.whole) if quantity in (units.PERCENT, units.TASKS) else quantity
    return [
        Cell(f"{shown(measure.of)} {measure.name}".strip(), href=href, name=True), Cell(measure.unit),
        Cell(units.grouped(summary.n)),
        Cell(units.NOTHING if summary.coverage is None else units.text(100 * summary.coverage, units.PERCENT)),
        Cell(value(summary.mean, bare)),
        *(percentile_cell(summary, percentile, bare) for percentile in PERCENTILES),
        Cell(value(summary.maximum, bare)),
        Cell(units.NOTHING if summary.maximum_at_ms is None else subject.at(summary.maximum_at_ms)),
        Cell(beyond(measure)), *compared(measure, bare), Cell("", svg=measure.spark),
    ]  # fmt: skip


def beyond(measure: Measure) -> str:
    """Say how long a metric was at or over its limit, in all and at a stretch."""
    if measure.limit is None or measure.over is None:
        return units.NOTHING
    limit = f"{units.significant(measure.limit)}{units.NO_BREAK}%"
    total, longest = measure.over.total, measure.over.longest
    apart = f", longest {times.duration(longest)}" if longest < total else ""
    return f"{times.duration(total)} over {limit}{apart}"


def compared(measure: Measure, quantity: Quantity) -> list[Cell]:
    """Return the 95th percentile of the period before and how far this one's is from it."""
    if measure.previous is None:
        return [Cell(units.NOTHING)] * 2
    then, now = measure.previous.percentiles[95.0], measure.summary.percentiles[95.0]
    covered = units.text(100 * (measure.previous.coverage or 0), units.PERCENT)
    cell = percentile_cell(measure.previous, 95.0, quantity)
    known = Cell(
        cell.text, title=cell.title or f"{units.grouped(measure.previous.n)} intervals, {covered} of the period"
    )
    return [
        known,
        Cell(
            units.NOTHING
            if then is None or now is None
            else units.change(now - then, quantity).replace(units.NO_BREAK, " ")
        ),
    ]


def before(subject: Subject, found: Sequence[Measure]) -> str:
    """Say what the previous period is, or that there is none."""
    since = f"{subject.at(subject.span.start_ms)} UTC"
    if all(measure.previous is None for measure in found):
        return f"Previous p95: no earlier period, as the report holds no samples of this machine from before {since}."
    length = times.duration(subject.span.seconds)
    return f"Previous p95: of the {length} before {since}, where enough intervals are known."


def value(number: float | None, quantity: Quantity) -> str:
    """Write a value so that its unit may stand below it: with all on one line the table would not fit its page."""
    return units.text(number, quantity).replace(units.NO_BREAK, " ")


def percentile_cell(summary: Summary, percentile: float, quantity: Quantity) -> Cell:
    if (known := summary.percentiles[percentile]) is not None:
        return Cell(value(known, quantity))
    there = f"needs {units.grouped(needed(percentile))} intervals, there are {units.grouped(summary.n)}"
    return Cell(units.NOTHING, title=there)


def needed(percentile: float) -> int:
    """Return how many intervals a percentile needs so that ten lie beyond it."""
    return round(ENOUGH_IN_TAIL / (min(percentile, 100 - percentile) / 100))


def suppressed(fewest: int) -> list[str]:
    """Say what the percentiles that are not shown would need."""
    by_need: dict[int, list[str]] = {}
    for percentile in sorted(PERCENTILES, key=needed):
        if fewest < needed(percentile):
            by_need.setdefault(needed(percentile), []).append(TITLES[percentile])
    if not by_need:
        return []
    needs = units.listed([f"{units.grouped(need)} for {' and '.join(titles)}" for need, titles in by_need.items()])
    return [f"{units.NOTHING}: too few intervals. A percentile is shown if ten lie beyond it; it needs {needs}."]

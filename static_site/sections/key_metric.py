"""The percentile table: what can be said of the distribution of each key metric, and no more."""

from collections.abc import Sequence

from appliance.analysis.statistics import ENOUGH_IN_TAIL, PERCENTILES, Summary
from static_site import units
from static_site.content import Cell, Head, Section, Table
from static_site.measures import Measure
from static_site.names import shown
from static_site.subject import Subject
from static_site.units import Quantity

TITLES = {percentile: f"p{percentile:g}" for percentile in PERCENTILES}


def section(subject: Subject, found: Sequence[Measure]) -> Section:
    if not found:
        return Section("metrics", "Key metrics", "There is nothing to compute them from.")
    heads = [
        Head("metric", False), Head("unit", False), Head("n", title="intervals with a value"),
        Head("coverage", title="share of the period that they cover"), Head("mean", title="weighted by time"),
        *(Head(title) for title in TITLES.values()), Head("max"), Head("max at", title="UTC"),
    ]  # fmt: skip
    rows = [row(subject, measure) for measure in found]
    fewest = min(measure.summary.n for measure in found)
    notes = [
        "The population is the values of intervals, weighted by the length of the interval; missing ones are left out.",
        *suppressed(fewest),
    ]
    intervals = f"{subject.interval} intervals" if subject.samples > 1 else "a single sample"
    caption = f"Percentiles of {intervals}"
    answer = f"How the values of {intervals} were distributed."
    return Section(
        "metrics", "Key metrics", answer, [Table("metrics-table", caption, heads, rows, notes, stacks=False)]
    )


def row(subject: Subject, measure: Measure) -> list[Cell]:
    summary, quantity = measure.summary, measure.quantity
    # A share's unit stands in its own column.
    bare = units.plain("", quantity.whole) if quantity in (units.PERCENT, units.TASKS) else quantity
    return [
        Cell(f"{shown(measure.of)} {measure.name}".strip(), href=f"#{measure.section}", name=True), Cell(measure.unit),
        Cell(units.grouped(summary.n)),
        Cell(units.NOTHING if summary.coverage is None else units.text(100 * summary.coverage, units.PERCENT)),
        Cell(units.text(summary.mean, bare)),
        *(percentile_cell(summary, percentile, bare) for percentile in PERCENTILES),
        Cell(units.text(summary.maximum, bare)),
        Cell(units.NOTHING if summary.maximum_at_ms is None else subject.at(summary.maximum_at_ms)),
    ]  # fmt: skip


def percentile_cell(summary: Summary, percentile: float, quantity: Quantity) -> Cell:
    if (value := summary.percentiles[percentile]) is not None:
        return Cell(units.text(value, quantity))
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

"""The timeline: how much of each resource was used, stretch by stretch, with what was found and what is missing."""

import math

import numpy as np
import pandas as pd

from appliance.analysis import derived
from appliance.metrics import CPU_WAITING, DISK_BUSY, IO_WAITING, MEMORY_TOTAL, MEMORY_WAITING, Metric
from static_site import heat, units
from static_site.content import Cell, Section
from static_site.sections.finding import GLYPHS
from static_site.subject import Subject


def section(subject: Subject) -> Section | None:
    """Return the section; None where a period of one sample has no length."""
    if not subject.span.seconds:
        return None
    rows = {
        name: [heat.cell(share) for share in heat.highs(series, seconds, subject.span)]
        for name, series, seconds in series_of(subject)
        if series.notna().any()
    }
    rows["Findings"], rows["Events"], rows["Coverage"] = found(subject), events(subject), coverage(subject)
    table = heat.table(
        "timeline-table", "Use of each resource over the period", subject.span, rows,
        ["Findings: the worst of each stretch (▲ critical or high, ◆ medium); events: B boot, G gap, C clock, R reset, "
         "S sleep, L lost samples; coverage: the share of the stretch that has samples, in %."],
    )  # fmt: skip
    return Section("timeline", "Timeline", "When it was busy, and when something was found.", [table])


def series_of(subject: Subject) -> list[tuple[str, pd.Series, pd.Series]]:
    run = subject.run
    rows = [("CPU", subject.cpu["busy"], subject.cpu_seconds)]
    if subject.busy_by_cpu.shape[1] > 1:
        rows.append(("Busiest CPU", subject.busy_by_cpu.max(axis=1), subject.cpu_seconds))
    if run.has(MEMORY_TOTAL):
        rows.append(("Memory", derived.memory_used(run)["percent"], run.seconds(MEMORY_TOTAL)))
    if run.has(DISK_BUSY) and (busy := derived.share_of_time(run, DISK_BUSY)).shape[1]:
        rows.append(("Busiest disk", busy.max(axis=1), run.seconds(DISK_BUSY)))
    waits: list[tuple[str, Metric]] = [
        ("Waited for CPU", CPU_WAITING), ("Waited for memory", MEMORY_WAITING), ("Waited for I/O", IO_WAITING),
    ]  # fmt: skip
    rows += [
        (name, derived.only(derived.share_of_time(run, metric), ""), run.seconds(metric))
        for name, metric in waits
        if run.has(metric)
    ]
    used = derived.filesystem_used(run)
    if used.shape[1]:
        rows.append(("Fullest file system", used.max(axis=1), pd.Series(1.0, index=used.index)))
    return [row for row in rows if len(row[1])]


def found(subject: Subject) -> list[Cell]:
    """Return the glyph of the worst finding in each column."""
    worst: list[Cell] = []
    step_ms = heat.step(subject.span) * 1000
    serious = [finding for case in subject.cases for finding in case.findings if finding.severity.value != "info"]
    for at_ms in heat.edges(subject.span):
        within = [one for one in serious if one.start_ms < at_ms + step_ms and one.end_ms > at_ms]
        if not within:
            worst.append(Cell(""))
            continue
        first = min(within, key=lambda one: list(GLYPHS).index(one.severity))
        rules = ", ".join(sorted({one.rule.replace("-", " ") for one in within}))
        worst.append(
            Cell(GLYPHS[first.severity], title=f"{first.severity.value}: {rules}", severity=first.severity.value)
        )
    return worst


def events(subject: Subject) -> list[Cell]:
    step_ms = heat.step(subject.span) * 1000
    cells = []
    for at_ms in heat.edges(subject.span):
        kinds = sorted({event.kind for event in subject.run.events if at_ms < event.end_ms <= at_ms + step_ms})
        cells.append(Cell("".join(kind[0].upper() for kind in kinds), title=", ".join(kinds)))
    return cells


def coverage(subject: Subject) -> list[Cell]:
    """Return the share of each column that lies in valid intervals."""
    run, step_ms = subject.run, heat.step(subject.span) * 1000
    at_ms, seconds = run.axis(run.main_group).to_numpy(), np.nan_to_num(run.main_intervals.valid_seconds)
    cells = []
    for begin in heat.edges(subject.span):
        within = float(seconds[(at_ms > begin) & (at_ms <= begin + step_ms)].sum())
        there = (min(begin + step_ms, subject.span.end_ms) - max(begin, subject.span.start_ms)) / 1000
        share = min(100.0, 100 * within / there) if there > 0 else math.nan
        cells.append(Cell(units.NOTHING if math.isnan(share) else f"{share:.0f}"))
    return cells

"""Figures: a chart with its answer as title, legend and caption; or one sentence where a chart would say nothing."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from static_site import times, units
from static_site.charts import NARROW, draw
from static_site.colours import DASHES, VARIABLES
from static_site.content import Figure, Key, Note
from static_site.names import shown
from static_site.panels import Layout, Panel, Trace
from static_site.subject import Subject, mean, peak

NARROW_COLUMNS = 2


def show(
    subject: Subject, ident: str, title: str, question: str, panels: Sequence[Panel], *, what: str, name: str = "",
    height: int = 170, columns: int = 1,
) -> Figure | Note:  # fmt: skip
    """Return a figure, or a note that says why there is none; `what` is what is drawn, as the note calls it."""
    traces = [trace for panel in panels for trace in panel.traces]
    known = [trace for trace in traces if trace.series.notna().any()]
    whose = f"{shown(name)}: {what}" if name else what
    if not known:
        return Note(f"{sentence_start(whose)}: no interval to compute it from; that takes two samples in a row.")
    n = max(int(trace.series.notna().sum()) for trace in known)
    if all((trace.series.dropna() == 0).all() for trace in known):
        return Note(f"{sentence_start(whose)}: 0 for the whole period ({units.counted(n, 'sample')}).")
    if n == 1:
        return Note(f"{sentence_start(whose)}: one value. {' '.join(single(subject, panel) for panel in panels)}")
    description = " ".join(describe(subject, panel, trace) for panel in panels for trace in panel.traces)
    layout = Layout(height, columns, subject.boots)
    heading = f"{shown(name)}: {title}" if name else title
    picture = draw(ident, heading, description, panels, subject.span, layout)
    columns = min(columns, NARROW_COLUMNS)
    narrow = draw(
        f"{ident}-n", heading, description, panels, subject.span, replace(layout, columns=columns), NARROW
    )  # fmt: skip
    return Figure(
        ident,
        shown(name),
        title,
        question,
        keys(panels, dashed=picture.step_seconds is None),
        picture.svg,
        caption(panels, picture.step_seconds),
        narrow.svg,
        caption(panels, narrow.step_seconds),
    )


def keys(panels: Sequence[Panel], *, dashed: bool) -> list[Key]:
    """Return the legend: what is stacked from the top down; a panel of one trace says itself what it is."""
    found = {}
    for panel in (panel for panel in panels if len(panel.traces) > 1):
        for trace in reversed(panel.traces) if panel.stacked else panel.traces:
            dashes = " ".join(map(str, DASHES[trace.colour])) if dashed else ""
            found[trace.name, trace.colour] = Key(shown(trace.name), VARIABLES[trace.colour], dashes, panel.stacked)
    return list(found.values())


def caption(panels: Sequence[Panel], step_seconds: int | None) -> str:
    """Say what is drawn: samples or buckets, and which layers."""
    seconds = panels[0].traces[0].seconds.to_numpy()
    stacked = any(panel.stacked for panel in panels)
    if step_seconds is None:
        parts = [f"Every sample is drawn, at {times.interval(seconds)} intervals."]
    elif stacked:
        parts = [f"Means of {times.duration(step_seconds)}; the thin line is the highest sum in each."]
    else:
        parts = [
            f"Line: means of {times.duration(step_seconds)}; band: 5th to 95th percentile in each; thin line: maximum."
        ]
    if all(trace.series.nunique() <= 1 for panel in panels for trace in panel.traces):
        parts.append("The value was constant.")
    if any(panel.gaps for panel in panels):
        parts.append("Hatched: no data.")
    return " ".join(parts)


def describe(subject: Subject, panel: Panel, trace: Trace) -> str:
    """Describe a trace for those who do not see it."""
    highest, at_ms = peak(trace.series)
    if highest is None:
        return f"{shown(trace.name)}: not known."
    average = units.text(mean(trace.series, trace.seconds), panel.quantity)
    most = units.text(highest, panel.quantity)
    label = f"{panel.label}, {shown(trace.name)}" if panel.label else shown(trace.name)
    return f"{label}: {average} on average, {most} at most, at {subject.at(at_ms)} UTC."


def single(subject: Subject, panel: Panel) -> str:
    """Write the only values there are."""
    values: list[tuple[str, pd.Series]] = [(shown(trace.name), trace.series.dropna()) for trace in panel.traces]
    return " ".join(
        f"{name}: {units.text(float(series.iloc[0]), panel.quantity)} at {subject.at(int(series.index[0]))} UTC."
        for name, series in values
        if len(series)
    )


def sentence_start(text: str) -> str:
    return text[:1].upper() + text[1:]

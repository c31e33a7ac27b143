"""Figures: a chart with its answer as title, legend and caption; or one sentence where a chart would say nothing."""

import itertools
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from static_site import buckets, times, units
from static_site.charts import NARROW, draw
from static_site.colours import DASHES, VARIABLES
from static_site.content import Cell, Figure, Head, Key, Note, Table
from static_site.names import shown, visible
from static_site.panels import Layout, Panel, Trace
from static_site.subject import Subject, mean, peak

NARROW_COLUMNS = 2
MOST_ROWS, MOST_COLUMNS = 48, 8
"""Of the table of a figure."""


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
        values(subject, ident, heading, panels),
        csv(subject, panels),
    )


def named(panels: Sequence[Panel]) -> Iterator[tuple[str, Panel, Trace]]:
    """Give every trace with a name that tells it from the others of its figure."""
    for panel in panels:
        for trace in panel.traces:
            yield (
                f"{panel.label} {trace.name}" if panel.label and panel.label != trace.name else trace.name,
                panel,
                trace,
            )


def values(subject: Subject, ident: str, heading: str, panels: Sequence[Panel]) -> Table | None:
    """Return what is drawn as a table of means and maxima, of stretches long enough for few rows."""
    if not subject.span.seconds:
        return None
    step = buckets.step(subject.span, MOST_ROWS)
    columns = list(named(panels))[:MOST_COLUMNS]
    found = [buckets.bucketed(trace.series, trace.seconds, step) for _, _, trace in columns]
    heads = [Head("from", False, "UTC")]
    rows: dict[int, list[Cell]] = {}
    for number, ((name, panel, _), layer) in enumerate(zip(columns, found, strict=True)):
        heads += [Head(f"{shown(name)}, mean"), Head("max")]
        begins = (layer.at_ms - step * 500).astype("int64").tolist()
        for at_ms, low, high in zip(begins, layer.mean.tolist(), layer.most.tolist(), strict=True):
            row = rows.setdefault(at_ms, [Cell(units.NOTHING)] * (2 * len(columns)))
            row[2 * number : 2 * number + 2] = [
                Cell(units.text(low, panel.quantity)),
                Cell(units.text(high, panel.quantity)),
            ]
    body = [[Cell(subject.at(at_ms)), *rows[at_ms]] for at_ms in sorted(rows)]
    caption = f"{heading}: mean and maximum of {times.duration(step)} each"
    return Table(f"{ident}-values", caption, heads, body, stacks=False)


def csv(subject: Subject, panels: Sequence[Panel]) -> bytes:
    """Return what is drawn, in base units: each sample, or mean, 5th and 95th percentile and maximum of buckets."""
    table: dict[int, dict[str, float]] = {}
    columns: dict[str, None] = {}
    for name, panel, trace in named(panels):
        layer = buckets.layers(trace.series, trace.seconds, [], subject.span)
        unit = panel.quantity.scales[0][1].replace("%", "percent").replace("/", "_per_").strip("_")
        if panel.quantity is units.SECONDS:
            unit = "s"
        base = re.sub(r"[^a-z0-9]+", "_", f"{visible(name)} {unit}".lower()).strip("_")
        parts = (
            {base: layer.mean}
            if layer.step_seconds is None
            else {
                f"{base}_{kind}": values
                for kind, values in (("mean", layer.mean), ("p5", layer.low), ("p95", layer.high), ("max", layer.most))
            }
        )
        half = 0 if layer.step_seconds is None else layer.step_seconds * 500
        at = (layer.at_ms - half).astype("int64").tolist()
        for wanted, numbers in parts.items():
            column = unused(wanted, columns)
            columns[column] = None
            for at_ms, number in zip(at, numbers.tolist(), strict=True):
                table.setdefault(at_ms, {})[column] = number
    lines = [",".join(["time", "epoch_seconds", *columns])]
    for at_ms in sorted(table):
        row = table[at_ms]
        written = ["" if math.isnan(row.get(column, math.nan)) else f"{row[column]:.12g}" for column in columns]
        lines.append(",".join([f"{times.moment(at_ms):%Y-%m-%dT%H:%M:%S}+00:00", f"{at_ms / 1000:.10g}", *written]))
    return "\n".join([*lines, ""]).encode()


def unused(name: str, taken: Collection[str]) -> str:
    """Return a name of a column, with a number behind it where another has it already."""
    numbered = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(one for one in numbered if one not in taken)


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

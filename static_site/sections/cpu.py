"""What the CPUs were doing, whether one of them was the limit, and whether tasks waited for one."""

import math

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import TASKS_BLOCKED, TASKS_RUNNING, Group
from static_site import buckets, colours, times, units
from static_site.axes import label
from static_site.content import Cell, Figure, Head, Note, Section, Table
from static_site.figures import show
from static_site.panels import Limit, Panel, Trace
from static_site.subject import Subject, mean, peak

MOST_PANELS = 12
MENTIONED_PERCENT = 5.0
"""A mode that never took more is not in the title."""
HEAT_COLUMNS, HEAT_STEPS = 26, 7


def section(subject: Subject) -> Section:
    busy = subject.cpu["busy"]
    if not len(busy):
        return Section("cpu", "CPU", "Not collected: the data has neither /proc/stat nor shares of CPU time.")
    highest, at_ms = peak(busy)
    if highest is None:
        return Section("cpu", "CPU", "No interval to compute shares from: that takes two samples in a row.")
    average = mean(busy, subject.cpu_seconds)
    who = "The CPU was" if derived.cpu_count(subject.run) == 1 else "All CPUs together were"
    answer = (
        f"{who} {units.text(average, units.PERCENT)} busy on average and "
        f"{units.text(highest, units.PERCENT)} at most, at {subject.at(at_ms)} UTC."
    )
    parts = [modes(subject), *by_cpu(subject), *tasks(subject)]
    return Section("cpu", "CPU", answer, parts)


def modes(subject: Subject) -> Figure | Note:
    shares, seconds = subject.cpu, subject.cpu_seconds
    over_gaps = derived.cpu_shares_over_gaps(subject.run)
    interrupts, of_gaps = (table[["irq", "softirq"]].sum(axis=1, min_count=1) for table in (shares, over_gaps))
    traces = [
        Trace(
            "user",
            shares["user"].add(shares["nice"], fill_value=0),
            seconds,
            colours.USER,
            over_gaps["user"].add(over_gaps["nice"], fill_value=0),
        ),
        Trace("system", shares["system"], seconds, colours.SYSTEM, over_gaps["system"]),
        Trace("iowait", shares["iowait"], seconds, colours.IOWAIT, over_gaps["iowait"]),
        Trace("steal", shares["steal"], seconds, colours.STEAL, over_gaps["steal"]),
        Trace("interrupts", interrupts, seconds, colours.INTERRUPTS, of_gaps),
    ]
    collected = [trace for trace in traces if trace.series.notna().any()]
    panel = Panel(
        collected, units.PERCENT, "of all CPU time", top=100, stacked=True, gaps=subject.gaps(subject.cpu_group)
    )
    asked = "What were the CPUs doing? All CPUs together are 100 %"
    if derived.cpu_count(subject.run) == 1:
        asked = "What was the CPU doing? All of its time is 100 %"
    missing = units.listed([trace.name for trace in traces if trace not in collected])
    return show(
        subject, "cpu-modes", modes_title(collected),
        f"{asked}; what is not filled was idle."
        + (f" Not collected: {missing}." if missing else ""),
        [panel], what="CPU time in use", height=200,
    )  # fmt: skip


def modes_title(traces: list[Trace]) -> str:
    """Say which modes took how much at most."""
    most = sorted(((peak(trace.series)[0] or 0.0, trace.name) for trace in traces), reverse=True)
    large = [f"{name} {units.text(share, units.PERCENT)}" for share, name in most if share >= MENTIONED_PERCENT]
    if not large:
        return f"CPU: no mode took more than {units.text(most[0][0], units.PERCENT)} of the time"
    large[0] = large[0].replace(" ", " reached ", 1)
    return f"CPU: {units.listed(large)}"


def by_cpu(subject: Subject) -> list[Figure | Note | Table]:
    busy = subject.busy_by_cpu
    if busy.shape[1] < 2:
        return []
    if not busy.notna().any().any():
        return [Note("CPUs one by one: no interval to compute from.")]
    order = busy.quantile(0.95).sort_values(ascending=False, kind="stable").index.tolist()
    busiest, every = mean(busy.max(axis=1), subject.cpu_seconds), mean(subject.cpu["busy"], subject.cpu_seconds)
    which = "both" if busy.shape[1] == 2 else f"all {busy.shape[1]}"
    title = (
        f"The busiest CPU of each interval was {units.text(busiest, units.PERCENT)} busy, "
        f"the average of {which} was {units.text(every, units.PERCENT)}"
    )
    question = "Was one CPU the limit? Time not idle and not waiting for a disk; the same scale for all, "
    if len(order) > MOST_PANELS:
        return [heat(subject, busy[order], title)]
    gaps = subject.gaps(Group.CPU)
    panels = [
        Panel(
            [Trace(f"CPU {cpu}", busy[cpu], subject.cpu_seconds, colours.BUSY)], units.PERCENT, "busy", top=100,
            gaps=gaps, label=f"CPU {cpu}",
        )
        for cpu in order
    ]  # fmt: skip
    columns = 2 if len(order) in (2, 4) else min(len(order), 3 if len(order) <= 9 else 4)
    figure = show(
        subject, "cpu-each", title, f"{question}the busiest first.", panels, what="each CPU's time in use",
        height=96 if len(order) <= 4 else 64, columns=columns,
    )  # fmt: skip
    return [figure, each(subject, busy[order])]


def each(subject: Subject, busy: pd.DataFrame) -> Table:
    heads = [Head("CPU", False), Head("mean"), Head("max"), Head("max at", title="UTC")]
    rows = []
    for cpu in busy:
        highest, at_ms = peak(busy[cpu])
        rows.append([
            Cell(f"CPU {cpu}"), Cell(units.text(mean(busy[cpu], subject.cpu_seconds), units.PERCENT)),
            Cell(units.text(highest, units.PERCENT)), Cell(subject.at(at_ms) if highest is not None else units.NOTHING),
        ])  # fmt: skip
    return Table("cpu-each-table", "Each CPU, share of its time that it was busy", heads, rows)


def heat(subject: Subject, busy: pd.DataFrame, title: str) -> Table:
    """Return a row for each CPU and a column for each stretch of time: numbers on a ground of their size."""
    step = buckets.step(subject.span, HEAT_COLUMNS)
    drawn = {cpu: buckets.bucketed(busy[cpu], subject.cpu_seconds, step) for cpu in busy}
    edges = sorted({int(at_ms) for layers in drawn.values() for at_ms in layers.at_ms})
    heads = [Head("CPU", False), Head("mean"), Head("max")]
    heads += [Head(label(int(at_ms - step * 500), step * 1000)) for at_ms in edges]
    rows = []
    for cpu, layers in drawn.items():
        high = dict(zip(layers.at_ms.astype(int).tolist(), layers.high.tolist(), strict=True))
        cells = [Cell(f"CPU {cpu}"), Cell(units.text(mean(busy[cpu], subject.cpu_seconds), units.PERCENT))]
        cells.append(Cell(units.text(peak(busy[cpu])[0], units.PERCENT)))
        for at_ms in edges:
            share = high.get(at_ms, math.nan)
            cells.append(Cell(units.NOTHING) if math.isnan(share) else Cell(f"{share:.0f}", heat=level(share)))
        rows.append(cells)
    caption = (
        f"{title}. Each cell: 95th percentile of the share of {times.duration(step)} that the CPU was busy, in %, from "
        "the time at the head of its column (UTC); the busiest CPU first."
    )
    return Table("cpu-each", caption, heads, rows, stacks=False)


def level(percent: float) -> int:
    return min(HEAT_STEPS - 1, int(percent / 100 * HEAT_STEPS))


def tasks(subject: Subject) -> list[Figure | Note]:
    run = subject.run
    if not run.has(TASKS_RUNNING):
        return [Note("Tasks that waited for a CPU: not collected, as the data has no /proc/stat.")]
    seconds, cpus = run.seconds(TASKS_RUNNING), len(derived.cpus(run))
    running, blocked = (derived.only(run.values(metric), "") for metric in (TASKS_RUNNING, TASKS_BLOCKED))
    highest, at_ms = peak(running)
    title = f"At most {units.grouped(highest or 0)} tasks ran or were ready to, at {subject.at(at_ms)} UTC"
    traces = [
        Trace("running or ready", running, seconds, colours.BLUE),
        Trace("waiting for a disk", blocked, seconds, colours.ROSE),
    ]
    limit = Limit(cpus, units.counted(cpus, "CPU")) if cpus else None
    panel = Panel(traces, units.TASKS, limit=limit, gaps=subject.gaps(Group.CPU))
    question = "Was work waiting? More running or ready tasks than CPUs means that some waited."
    return [show(subject, "cpu-tasks", title, question, [panel], what="tasks running or ready", height=110)]

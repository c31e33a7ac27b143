"""Containers: CPU time used of what they may use, how often they were held back, and memory."""

import pandas as pd

from appliance.analysis import derived, wording
from appliance.analysis.findings.container_throttled import container_name
from appliance.metrics import (
    CONTAINER_CPU,
    CONTAINER_MEMORY,
    CONTAINER_MEMORY_MAX,
    CONTAINER_PERIOD,
    CONTAINER_PERIODS,
    CONTAINER_QUOTA,
    CONTAINER_THROTTLED,
    CONTAINER_THROTTLED_TIME,
    Group,
)
from static_site import colours, times, units
from static_site.content import NO_RATES, Cell, Figure, Head, Note, Section, Table
from static_site.figures import show
from static_site.names import shown
from static_site.panels import Limit, Panel, Trace
from static_site.subject import Subject, mean, peak


def section(subject: Subject) -> Section | None:
    """Return the section, or None: a machine without containers needs no sentence about them."""
    run = subject.run
    if not run.has(CONTAINER_CPU):
        return None
    if not subject.has_intervals(Group.CONTAINER):
        return Section("containers", "Containers", NO_RATES)
    cpu = run.rates(CONTAINER_CPU)
    order = cpu.mean().sort_values(ascending=False, kind="stable").index.tolist()
    limits = quotas(subject)
    most = max((peak(cpu[container])[0] or 0.0 for container in order), default=0.0)
    answer = f"{units.counted(len(order), 'container')}, each using at most {units.text(most, units.CPUS)}."
    if len(set(limits.values())) == 1 and (limit := next(iter(limits.values()))) is not None:
        answer += f" Each may use {wording.cpus(limit)}."
    figures = [usage(subject, inside(subject, cpu[order]), limits), throttled(subject, order), memory(subject, order)]
    return Section(
        "containers", "Containers", answer, [*figures, table(subject, cpu[order], limits), *outside(subject)]
    )


def inside(subject: Subject, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows within the machine's own period, which the charts of the page span."""
    return frame.loc[subject.span.start_ms : subject.span.end_ms]


def outside(subject: Subject) -> list[Note]:
    """Say how many samples are in the table and not in the charts."""
    at_ms = subject.run.axis(Group.CONTAINER).to_numpy()
    early, late = int((at_ms < subject.span.start_ms).sum()), int((at_ms > subject.span.end_ms).sum())
    if not early + late:
        return []
    when = " and ".join(
        filter(None, [f"{units.grouped(early)} before" * (early > 0), f"{units.grouped(late)} after" * (late > 0)])
    )
    return [
        Note(
            f"Containers were sampled from {subject.at(int(at_ms[0]))} to {subject.at(int(at_ms[-1]))} UTC: {when} the "
            "machine's own samples. The table counts these samples, the charts do not show them."
        )
    ]


def quotas(subject: Subject) -> dict[str, float | None]:
    """Return the CPUs that each container may use; None where it has no quota or it was not recorded."""
    run = subject.run
    allowed = run.values(CONTAINER_QUOTA) / run.values(CONTAINER_PERIOD)
    found = {container: derived.only(allowed, container).max() for container in run.instances(CONTAINER_CPU)}
    return {container: float(limit) if limit > 0 else None for container, limit in found.items()}


def traces(subject: Subject, frame: pd.DataFrame, seconds: pd.Series) -> list[Trace]:
    """Return a trace for each of the first containers, as many as there are colours."""
    return [
        Trace(container_name(subject.run, container), frame[container], seconds, colour)
        for container, colour in zip(frame, colours.IN_ORDER, strict=False)
    ]


def usage(subject: Subject, cpu: pd.DataFrame, limits: dict[str, float | None]) -> Figure | Note:
    drawn = traces(subject, cpu, subject.run.seconds(CONTAINER_CPU))
    different = {limits[container] for container in list(cpu)[: len(drawn)]}
    one = next(iter(different)) if len(different) == 1 else None
    limit = Limit(one, f"limit {wording.cpus(one)}") if one is not None else None
    busiest = max(drawn, key=lambda trace: peak(trace.series)[0] or 0.0)
    panel = Panel(drawn, units.CPUS, limit=limit, gaps=subject.gaps(Group.CONTAINER))
    return show(
        subject, "containers-cpu", f"Containers used at most {units.text(peak(busiest.series)[0], units.CPUS)} each",
        f"How much CPU time did they use? 1 is all the time of one CPU.{others(cpu, drawn)}", [panel],
        what="CPU time of containers", height=120,
    )  # fmt: skip


def throttled(subject: Subject, order: list[str]) -> Figure | Note:
    run = subject.run
    if not run.has(CONTAINER_PERIODS, CONTAINER_THROTTLED):
        return Note("Containers held back by their quota: not collected.")
    share = inside(subject, derived.container_throttled(run).reindex(columns=order))
    drawn = traces(subject, share, run.seconds(CONTAINER_PERIODS))
    most = max((peak(trace.series)[0] or 0.0 for trace in drawn), default=0.0)
    percent = units.text(most, units.PERCENT)
    one = f"one {times.interval(run.intervals(Group.CONTAINER).valid_seconds)} interval"
    panel = Panel(drawn, units.PERCENT, "of their periods", top=100, gaps=subject.gaps(Group.CONTAINER))
    return show(
        subject, "containers-throttled",
        f"Containers were held back in at most {percent} of the periods of {one}{altogether(subject, order)}",
        "Did the quota hold them back? The share of scheduling periods in which a container had used its quota up; an "
        f"interval without periods has no value.{others(share, drawn)}",
        [panel], what="periods in which containers were held back", height=110,
    )  # fmt: skip


def altogether(subject: Subject, order: list[str]) -> str:
    """Say the share of all its periods in which a container was held back, of the one that was held back the most."""
    periods, held = (subject.run.totals(metric).reindex(order) for metric in (CONTAINER_PERIODS, CONTAINER_THROTTLED))
    share = (100 * held / periods.where(periods > 0)).max()
    return f", in at most {units.text(share, units.PERCENT)} of all their periods" if share > 0 else ""


def memory(subject: Subject, order: list[str]) -> Figure | Note:
    run = subject.run
    used = run.values(CONTAINER_MEMORY)
    if used.empty:
        return Note("Memory of containers: not collected.")
    used = inside(subject, used.reindex(columns=order))
    drawn = traces(subject, used, run.seconds(CONTAINER_MEMORY))
    most = max((peak(trace.series)[0] or 0.0 for trace in drawn), default=0.0)
    return show(
        subject, "containers-memory", f"Containers held at most {units.text(most, units.BYTES)} of memory each",
        f"How much memory did they hold? File cache is included.{others(used, drawn)}",
        [Panel(drawn, units.BYTES, gaps=subject.gaps(Group.CONTAINER))], what="memory of containers", height=120,
    )  # fmt: skip


def others(frame: pd.DataFrame, drawn: list[Trace]) -> str:
    hidden = frame.shape[1] - len(drawn)
    return f" {units.counted(hidden, 'more is', 'more are')} in the table." if hidden else ""


def table(subject: Subject, cpu: pd.DataFrame, limits: dict[str, float | None]) -> Table:
    run = subject.run
    heads = [
        Head("container", False), Head("runtime", False), Head("CPUs allowed"), Head("CPUs, mean"), Head("CPUs, most"),
        Head("periods held back", title="of all scheduling periods between the first and the last sample"),
        Head("time held back", title="summed over its CPUs"), Head("memory, most"), Head("memory allowed"),
    ]  # fmt: skip
    seconds = run.seconds(CONTAINER_CPU)
    periods, held, time = (
        run.totals(metric) for metric in (CONTAINER_PERIODS, CONTAINER_THROTTLED, CONTAINER_THROTTLED_TIME)
    )
    used, allowed = run.values(CONTAINER_MEMORY), run.values(CONTAINER_MEMORY_MAX)
    rows = []
    for container in cpu:
        runtime = str(run.facts.get(f"container/{container}", {}).get("runtime") or "")
        of, back = periods.get(container), held.get(container)
        share = f" ({units.text(100 * back / of, units.PERCENT)})" if of and back is not None else ""
        rows.append([
            Cell(shown(container_name(run, container)), title=shown(container), name=True),
            Cell(shown(runtime), name=True),
            Cell("no limit" if (limit := limits[container]) is None else wording.three_digits(limit)),
            Cell(units.text(mean(cpu[container], seconds), units.plain(""))),
            Cell(units.text(peak(cpu[container])[0], units.plain(""))),
            Cell(f"{units.text(back, units.COUNT)} of {units.text(of, units.COUNT)}{share}"),
            Cell(units.text(time.get(container), units.SECONDS)),
            Cell(units.text(peak(derived.only(used, container))[0], units.BYTES)),
            Cell(units.text(peak(derived.only(allowed, container))[0], units.BYTES)),
        ])  # fmt: skip
    return Table("containers-table", "Containers, the busiest first", heads, rows)

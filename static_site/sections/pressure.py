"""Pressure: the share of time in which tasks waited for a resource, from the kernel's own counters."""

from appliance.analysis import derived
from appliance.metrics import (
    CPU_STALLED,
    CPU_WAITING,
    IO_STALLED,
    IO_WAITING,
    MEMORY_STALLED,
    MEMORY_WAITING,
    Group,
    Metric,
)
from static_site import colours, units
from static_site.content import Section
from static_site.figures import show
from static_site.panels import Panel, Trace
from static_site.subject import Subject, peak

RESOURCES = (
    ("CPU", "CPU", CPU_WAITING, CPU_STALLED),
    ("memory", "Memory", MEMORY_WAITING, MEMORY_STALLED),
    ("I/O", "I/O", IO_WAITING, IO_STALLED),
)


def section(subject: Subject) -> Section:
    run = subject.run
    panels, most = [], {}
    for name, label, waiting, stalled in RESOURCES:
        if not run.has(waiting):
            continue
        traces = [trace(subject, "some task waited", waiting, colours.WAITING)]
        if run.has(stalled):
            traces.append(trace(subject, "all tasks waited", stalled, colours.STALLED))
        panels.append(Panel(traces, units.PERCENT, "of time", top=100, gaps=subject.gaps(Group.PRESSURE), label=label))
        possible = derived.PERCENT * derived.only(run.possible_rates(waiting), "")
        most[name] = peak(possible)[0] or 0.0
    if not panels:
        return Section(
            "pressure", "Pressure",
            "Not collected: the data has no /proc/pressure. Kernels before 4.20 have none, some distributions need "
            "psi=1 at boot, and older recorders do not read it.",
        )  # fmt: skip
    question = "Did tasks wait for a resource? The share of each interval, from the kernel's totals."
    worst = max(most, key=lambda name: most[name])
    title = f"Tasks waited for {worst} at most {units.text(most[worst], units.PERCENT)} of the time"
    figure = show(
        subject, "pressure-waiting", title, question, panels, what="time in which tasks waited", height=80,
    )  # fmt: skip
    said = units.listed([f"{name} {units.text(share, units.PERCENT)}" for name, share in most.items()])
    return Section("pressure", "Pressure", f"At most, some task waited for: {said} of an interval.", [figure])


def trace(subject: Subject, name: str, metric: Metric, colour: str) -> Trace:
    """Return the share of time of a counter of waiting."""
    run = subject.run
    share, over_gaps = (
        derived.PERCENT * derived.only(table, "") for table in (run.rates(metric), run.gap_rates(metric))
    )
    return Trace(name, share, run.seconds(metric), colour, over_gaps)

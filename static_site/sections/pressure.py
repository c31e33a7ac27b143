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
        share = derived.only(derived.share_of_time(run, waiting), "")
        traces = [Trace("some task waited", share, run.seconds(waiting), colours.WAITING)]
        if run.has(stalled):
            held = derived.only(derived.share_of_time(run, stalled), "")
            traces.append(Trace("all tasks waited", held, run.seconds(stalled), colours.STALLED))
        panels.append(Panel(traces, units.PERCENT, "of time", top=100, gaps=subject.gaps(Group.PRESSURE), label=label))
        most[name] = peak(share)[0] or 0.0
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

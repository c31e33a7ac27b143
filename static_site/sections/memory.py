"""Whether memory was short: what programs and caches took, and what went to swap."""

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import (
    MAJOR_FAULTS,
    MEMORY_BUFFERS,
    MEMORY_CACHED,
    MEMORY_SWAP_TOTAL,
    MEMORY_TOTAL,
    OOM_KILLS,
    SWAPPED_IN,
    SWAPPED_OUT,
    Group,
)
from static_site import colours, units
from static_site.content import Figure, Note, Section
from static_site.figures import show
from static_site.panels import Limit, Panel, Trace
from static_site.subject import Subject, peak


def section(subject: Subject) -> Section:
    run = subject.run
    if not run.has(MEMORY_TOTAL):
        parts = paging(subject) if run.has(SWAPPED_IN) else []
        return Section("memory", "Memory", "Not collected: the data has no /proc/meminfo.", parts)
    used = derived.memory_used(run)
    highest, at_ms = peak(used["bytes"])
    if highest is None:
        answer = "Used memory is not known: the kernel did not say how much was available."
    else:
        answer = (
            f"Programs used {units.text(highest, units.BYTES)} at most, at {subject.at(at_ms)} UTC: "
            f"{units.text(float(used['percent'][at_ms]), units.PERCENT)} of memory."
        )
    return Section("memory", "Memory", answer, [levels(subject, used), *swap(subject), *paging(subject)])


def levels(subject: Subject, used: pd.DataFrame) -> Figure | Note:
    run = subject.run
    seconds, total = run.seconds(MEMORY_TOTAL), float(run.values(MEMORY_TOTAL).max().max())
    traces = [Trace("used", used["bytes"], seconds, colours.USED)]
    if run.has(MEMORY_CACHED):
        cached = derived.only(run.values(MEMORY_CACHED), "")
        if run.has(MEMORY_BUFFERS):
            cached = cached + derived.only(run.values(MEMORY_BUFFERS), "")
        traces.append(Trace("cached", cached, seconds, colours.CACHED))
    panel = Panel(
        traces, units.BYTES, limit=Limit(total, f"all memory, {units.text(total, units.BYTES)}"),
        gaps=subject.gaps(Group.MEMORY),
    )  # fmt: skip
    highest = peak(used["percent"])[0]
    return show(
        subject, "memory-used", f"Memory: at most {units.text(highest, units.PERCENT)} used",
        "How much was taken? Used is total less available: what programs could not get without swapping. Cached is "
        "files and disk blocks kept in case they are read again.",
        [panel], what="memory used",
    )  # fmt: skip


def swap(subject: Subject) -> list[Figure | Note]:
    run = subject.run
    if not run.has(MEMORY_SWAP_TOTAL):
        return [Note("Swap: not collected.")]
    total = float(run.values(MEMORY_SWAP_TOTAL).max().max())
    if total == 0:
        n = len(run.values(MEMORY_SWAP_TOTAL))
        return [Note(f"Swap: the machine had none for the whole period ({units.counted(n, 'sample')}).")]
    used = derived.swap_used(run)
    highest, at_ms = peak(used["bytes"])
    title = (
        f"Swap: at most {units.text(highest, units.BYTES)} in use, "
        f"{units.text(float(used['percent'][at_ms]) if highest is not None else None, units.PERCENT)} of "
        f"{units.text(total, units.BYTES)}"
    )
    panel = Panel(
        [Trace("swap used", used["bytes"], run.seconds(MEMORY_SWAP_TOTAL), colours.SWAP)], units.BYTES,
        gaps=subject.gaps(Group.MEMORY),
    )  # fmt: skip
    question = "Was memory moved to disk? What counts is pages that go in and out; occupied swap alone costs nothing."
    return [show(subject, "memory-swap", title, question, [panel], what="swap used", height=110)]


def paging(subject: Subject) -> list[Figure | Note]:
    run = subject.run
    if not run.has(SWAPPED_IN, SWAPPED_OUT):
        return [
            Note("Pages swapped in and out, major faults and kills: not collected, as the data has no /proc/vmstat.")
        ]
    seconds, gaps = run.seconds(SWAPPED_IN), subject.gaps(Group.PAGING)
    moved = [
        Trace("swapped in", derived.only(run.rates(SWAPPED_IN), ""), seconds, colours.READ),
        Trace("swapped out", derived.only(run.rates(SWAPPED_OUT), ""), seconds, colours.WRITTEN),
    ]
    faults = derived.only(run.rates(MAJOR_FAULTS), "")
    most = max(peak(trace.series)[0] or 0.0 for trace in moved)
    killed = run.totals(OOM_KILLS).get("")
    figure = show(
        subject, "memory-paging", f"Swapping: at most {units.text(most, units.PER_SECOND)} pages",
        "Did programs wait for swap?", [Panel(moved, units.plain("pages/s"), gaps=gaps)],
        what="pages swapped in and out", height=110,
    )  # fmt: skip
    waited = show(
        subject, "memory-faults", f"Major page faults: at most {units.text(peak(faults)[0], units.plain('faults/s'))}",
        "Did programs wait for their own pages to come from a disk?",
        [Panel([Trace("major faults", faults, seconds, colours.BLUE)], units.plain("faults/s"), gaps=gaps)],
        what="major page faults", height=110,
    )  # fmt: skip
    kills = Note(f"Processes killed because memory ran out: {units.text(killed, units.COUNT)}.")
    return [figure, waited, kills]

"""File systems: how full they are, and whether that changed."""

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import FILESYSTEM_AVAILABLE, FILESYSTEM_BLOCK, FILESYSTEM_SIZE, Group
from static_site import units
from static_site.colours import IN_ORDER
from static_site.content import Cell, Figure, Head, Note, Section, Table
from static_site.figures import show
from static_site.names import shown
from static_site.panels import Panel, Trace
from static_site.subject import Subject

CHANGED_POINTS = 0.5
"""A chart of a smaller change shows a straight line."""


def section(subject: Subject) -> Section:
    run = subject.run
    if not run.has(FILESYSTEM_SIZE):
        return Section("filesystems", "File systems", "Not collected: the data says nothing of file systems.")
    used = derived.filesystem_used(run)
    order = used.max().dropna().sort_values(ascending=False, kind="stable").index.tolist()
    if not order:
        return Section("filesystems", "File systems", "No file system has a size.")
    fullest = used[order[0]].dropna()
    answer = (
        f"{shown(order[0])} was the fullest: {units.text(float(fullest.iloc[-1]), units.PERCENT)} used at the end, "
        f"{units.text(float(fullest.max()), units.PERCENT)} at most."
    )
    return Section("filesystems", "File systems", answer, [*changes(subject, used), table(subject, used[order])])


def changes(subject: Subject, used: pd.DataFrame) -> list[Figure | Note]:
    """Draw the file systems whose use changed, those that changed most."""
    change = (used.max() - used.min()).sort_values(ascending=False, kind="stable")
    changed = change[change >= CHANGED_POINTS].index.tolist()[: len(IN_ORDER)]
    if not changed:
        return [Note(f"No file system's use changed by {CHANGED_POINTS} points or more.")]
    seconds = subject.run.seconds(FILESYSTEM_SIZE)
    traces = [Trace(mount, used[mount], seconds, colour) for mount, colour in zip(changed, IN_ORDER, strict=False)]
    first = used[changed[0]].dropna()
    title = (
        f"{units.text(float(first.iloc[0]), units.PERCENT)} used at the beginning, "
        f"{units.text(float(first.iloc[-1]), units.PERCENT)} at the end"
    )
    panel = Panel(traces, units.PERCENT, "of the space", top=100, gaps=subject.gaps(Group.FILESYSTEM))
    question = "Did one fill up?" + (" The one that changed the most stands first." if len(changed) > 1 else "")
    return [show(subject, "filesystems-used", title, question, [panel], what="space used", name=changed[0], height=120)]


def table(subject: Subject, used: pd.DataFrame) -> Table:
    run = subject.run
    block, size, available = (
        run.values(metric) for metric in (FILESYSTEM_BLOCK, FILESYSTEM_SIZE, FILESYSTEM_AVAILABLE)
    )
    heads = [
        Head("mounted at", False), Head("size"), Head("available", title="at the end"),
        Head("used", title="at the end, as df counts it"), Head("share", False, "of its space"),
        Head("change", title="in the period"),
    ]  # fmt: skip
    at_end = [(blocks * block).ffill().iloc[-1] for blocks in (size, available)]
    rows = []
    for mount in used:
        share = used[mount].dropna()
        last, change = float(share.iloc[-1]), float(share.iloc[-1] - share.iloc[0])
        rows.append([
            Cell(shown(mount), name=True), *(Cell(units.text(amounts.get(mount), units.BYTES)) for amounts in at_end),
            Cell(units.text(last, units.PERCENT)), Cell("", share=last),
            Cell(f"{units.signed(change)} points"),
        ])  # fmt: skip
    return Table("filesystems-table", "File systems, the fullest first", heads, rows)

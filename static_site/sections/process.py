"""Top consumers: which programs used the CPU time, memory and disks, with what is not attributed, to the total."""

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import ALL_CPUS, CPU_IDLE, CPU_IOWAIT, CPU_MODES
from appliance.process_metrics import PROCESS_CPU, PROCESS_MEMORY, PROCESS_READ, PROCESS_WRITTEN
from static_site import units
from static_site.content import Cell, Head, Section, Table
from static_site.names import shown
from static_site.subject import Subject, peak

MOST = 12


def section(subject: Subject) -> Section | None:
    """Return the section, or None where no process was recorded."""
    if not subject.run.has(PROCESS_CPU):
        return None
    used = subject.run.totals(PROCESS_CPU).dropna().sort_values(ascending=False, kind="stable")
    if not len(used):
        return None
    top = str(used.index[0])
    whole = every(subject)
    share = f", {units.text(100 * float(used.iloc[0]) / whole, units.PERCENT)} of all CPU time used" if whole else ""
    answer = f"{shown(top)} used the most CPU time: {units.text(float(used.iloc[0]), units.SECONDS)}{share}."
    return Section("process", "Top consumers", answer, [table(subject, used, whole)])


def every(subject: Subject) -> float | None:
    """Return the CPU seconds that the whole machine used, or None where that was not recorded."""
    run = subject.run
    if not run.has(CPU_IDLE):
        return None
    busy = [run.totals(metric).get(ALL_CPUS) for metric in CPU_MODES if metric not in (CPU_IDLE, CPU_IOWAIT)]
    known = [float(seconds) for seconds in busy if seconds is not None and seconds >= 0]
    return sum(known) if known else None


def table(subject: Subject, used: pd.Series, whole: float | None) -> Table:
    run = subject.run
    memory = run.values(PROCESS_MEMORY)
    read, written = run.totals(PROCESS_READ), run.totals(PROCESS_WRITTEN)
    heads = [
        Head("program", False), Head("CPU time"), Head("of all", title="of all CPU time used on the machine"),
        Head("share", False), Head("memory, most"), Head("read"), Head("written"),
    ]  # fmt: skip
    total = whole if whole is not None else float(used.sum())
    rows = []
    for program in used.index[:MOST].tolist():
        part = 100 * float(used[program]) / total if total else 0.0
        rows.append([
            Cell(shown(program), name=True), Cell(units.text(float(used[program]), units.SECONDS)),
            Cell(units.text(part, units.PERCENT)), Cell("", share=min(part, 100.0)),
            Cell(units.text(peak(derived.only(memory, program))[0], units.BYTES)),
            Cell(units.text(read.get(program), units.TRAFFIC)), Cell(units.text(written.get(program), units.TRAFFIC)),
        ])  # fmt: skip
    others = float(used.iloc[MOST:].sum())
    for name, seconds in (
        (units.counted(max(0, len(used) - MOST), "other"), others),
        ("not attributed", None if whole is None else max(0.0, whole - float(used.sum()))),
    ):
        if seconds:
            part = 100 * seconds / total
            rows.append([
                Cell(name), Cell(units.text(seconds, units.SECONDS)), Cell(units.text(part, units.PERCENT)),
                Cell("", share=min(part, 100.0)), *[Cell(units.NOTHING)] * 3,
            ])  # fmt: skip
    notes = [
        "Only the biggest programs of each interval are recorded: what the others used, and what ended between two "
        "samples, is in the row that is not attributed."
    ]
    return Table("process-table", "Programs by the CPU time they used", heads, rows, notes)

"""Top consumers: which programs used the CPU time, memory and disks, with what is not attributed, to the total."""

from appliance.analysis import derived
from appliance.analysis.consumers import Consumers, consumers, cpu_seconds_used
from appliance.process_metrics import PROCESS_CPU, PROCESS_MEMORY, PROCESS_READ, PROCESS_WRITTEN
from static_site import units
from static_site.content import Cell, Head, Section, Table
from static_site.names import shown
from static_site.subject import Subject, peak


def section(subject: Subject) -> Section | None:
    """Return the section, or None where no process was recorded."""
    run = subject.run
    if not run.has(PROCESS_CPU):
        return None
    whole = cpu_seconds_used(run)
    used = consumers(run, PROCESS_CPU, whole)
    if used is None:
        return None
    program, seconds = used.top[0]
    share = f", {part(seconds, used)} of all CPU time used" if whole else ""
    answer = f"{shown(program)} used the most CPU time: {units.text(seconds, units.SECONDS)}{share}."
    return Section("process", "Top consumers", answer, [table(subject, used, whole is not None)])


def part(seconds: float, used: Consumers) -> str:
    return units.text(100 * seconds / used.total if used.total else 0.0, units.PERCENT)


def table(subject: Subject, used: Consumers, known: bool) -> Table:
    """Return a row for each of the biggest, and those that make them sum to the total, if the machine's is known."""
    run = subject.run
    memory = run.values(PROCESS_MEMORY)
    read, written = run.totals(PROCESS_READ), run.totals(PROCESS_WRITTEN)
    heads = [
        Head("program", False), Head("CPU time"), Head("of all", title="of all CPU time used on the machine"),
        Head("share", False), Head("memory, most"), Head("read"), Head("written"),
    ]  # fmt: skip

    def row(name: Cell, seconds: float, others: list[Cell]) -> list[Cell]:
        share = min(100.0, max(0.0, 100 * seconds / used.total)) if used.total else 0.0
        time, of_all = Cell(units.text(seconds, units.SECONDS)), Cell(part(seconds, used))
        return [name, time, of_all, Cell("", share=share), *others]

    rows = [
        row(
            Cell(shown(program), name=True), seconds,
            [
                Cell(units.text(peak(derived.only(memory, program))[0], units.BYTES)),
                Cell(units.text(read.get(program), units.TRAFFIC)),
                Cell(units.text(written.get(program), units.TRAFFIC)),
            ],
        )
        for program, seconds in used.top
    ]  # fmt: skip
    nothing = [Cell(units.NOTHING)] * 3
    if used.others_count:
        rows.append(row(Cell(units.counted(used.others_count, "other")), used.others, nothing))
    if known:
        rows.append(row(Cell("not attributed"), used.unattributed, nothing))
    rows.append(row(Cell("in all"), used.total, nothing))
    notes = [
        "Only the biggest programs of each interval are recorded: what the others used, and what ended between two "
        "samples, is in the row that is not attributed. Below 0, programs were counted more than the machine was: "
        "their times are rounded one by one."
    ]
    return Table("process-table", "Programs by the CPU time they used", heads, rows, notes)

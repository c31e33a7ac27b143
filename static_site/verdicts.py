"""The sentences that stand above everything else: what was wrong, where, when and for how long."""

from appliance.analysis import derived
from appliance.analysis.findings.finding import Severity
from static_site import times, units
from static_site.cases import Case, lasting, length
from static_site.names import shown, visible
from static_site.report import Report
from static_site.subject import Subject, mean, peak

ATTENTION, WATCH = ("critical", "high"), ("medium",)

NAMED = {"disk", "network", "filesystem", "container"}
"""Resources of which a machine has several."""


def of_machine(subject: Subject) -> str:
    """Say what was wrong with a machine, the worst thing first, or what its levels were."""
    if not subject.has_samples:
        return "There are no samples of this machine in the period."
    serious = [case for case in subject.cases if case.severity is not Severity.INFO]
    notes = len(subject.cases) - len(serious)
    said = []
    if serious:
        worst = serious[0].worst
        # The sentence of a card stands below the name of its disk; this one stands alone.
        where = f"{shown(worst.subject)}: " if worst.resource in NAMED and worst.subject not in worst.sentence else ""
        said.append(f"{where}{units.joined(visible(worst.sentence))} {lasted(serious[0])}")
        if len(serious) > 1:
            said.append(f"{units.counted(len(serious) - 1, 'more finding needs', 'more findings need')} a look.")
    else:
        said.append(f"No problem was found{levels(subject)}.")
    if notes:
        said.append(f"{units.counted(notes, 'thing is', 'things are')} worth knowing.")
    return " ".join(said)


def lasted(case: Case) -> str:
    worst = case.worst
    when = f"from {times.date(worst.start_ms)} {times.clock(worst.start_ms)} UTC"
    often = f", the longest of {units.grouped(len(case.findings))} times" if len(case.findings) > 1 else ""
    return f"It lasted {lasting(length(worst))}, {when}{often}."


def levels(subject: Subject) -> str:
    """Say how busy a machine was that has no problem."""
    busy, known = subject.cpu["busy"], []
    if (highest := peak(busy)[0]) is not None:
        average = units.text(mean(busy, subject.cpu_seconds), units.PERCENT)
        who = "the CPU was" if derived.cpu_count(subject.run) == 1 else "the CPUs were"
        known.append(f"{who} {average} busy on average and {units.text(highest, units.PERCENT)} at most")
    if (most := peak(derived.memory_used(subject.run)["percent"])[0]) is not None:
        known.append(f"at most {units.text(most, units.PERCENT)} of memory was used")
    return f": {units.listed(known)}" if known else ""


def of_fleet(report: Report) -> str:
    """Count the machines that need attention, and say what the period was."""
    machines = report.machines
    sampled = [machine for machine in machines if machine.has_samples]
    attention, watch = ([one for one in sampled if one.severity in level] for level in (ATTENTION, WATCH))
    clear = len(sampled) - len(attention) - len(watch)
    counts = [
        units.counted(len(attention), "needs attention", "need attention") if attention else "",
        f"{len(watch)} to watch" if watch else "",
        f"{clear} clear" if clear else "",
        f"{len(machines) - len(sampled)} without samples" if len(sampled) < len(machines) else "",
    ]
    said = f"{units.counted(len(machines), 'machine')}: {', '.join(filter(None, counts))}."
    if len(machines) == 1:
        said = f"1 machine. {machines[0].verdict}"
    if sampled:
        start, end = min(one.start_ms or 0 for one in sampled), max(one.end_ms or 0 for one in sampled)
        said += f" Samples from {times.stretch(start, end)}."
    if report.problems:
        said += f" {units.counted(len(report.problems), 'input')} could not be read."
    return said

"""Utilisation, saturation and errors of each resource: what was read, or why there is nothing to read."""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import (
    CPU_WAITING,
    DISK_BUSY,
    FILESYSTEM_SIZE,
    INODES,
    INODES_FREE,
    IO_WAITING,
    MEMORY_TOTAL,
    MEMORY_WAITING,
    OOM_KILLS,
    RECEIVED_BYTES,
    RECEIVED_DROPS,
    RECEIVED_ERRORS,
    SENT_BYTES,
    SENT_DROPS,
    SENT_ERRORS,
    SWAPPED_OUT,
    TASKS_RUNNING,
    Metric,
)
from static_site import units
from static_site.content import Cell, Head, Section, Table
from static_site.devices import disks, interfaces
from static_site.names import shown
from static_site.sections.finding import GLYPHS
from static_site.sparkline import sparkline
from static_site.subject import Subject, peak
from static_site.units import Quantity

BITS = 8
MISSING = "not collected"


def section(subject: Subject) -> Section:
    heads = [
        Head("resource", False), Head("utilisation", False, "how much of it was used"),
        Head("saturation", False, "was work waiting"), Head("errors", False), Head("course", False, "of utilisation"),
        Head("more", False),
    ]  # fmt: skip
    rows = [*cpu(subject), *memory(subject), *disk(subject), *network(subject), *filesystem(subject)]
    table = Table(
        "use-table", "Utilisation, saturation and errors: the highest values of the period", heads, rows,
        ["The small charts go from 0 to 100 % for shares, else from 0 to the maximum, with a dot there."],
    )  # fmt: skip
    return Section("use", "Utilisation, saturation, errors", "What was asked of each, and what it refused.", [table])


def row(
    subject: Subject, name: str, page: str, found: str, used: tuple[Cell, pd.Series | None, Quantity],
    waited: Cell, failed: Cell,
) -> list[Cell]:  # fmt: skip
    cell, series, quantity = used
    spark = sparkline(series, subject.span, f"{name} utilisation", quantity, 36) if series is not None else None
    first = next(
        (case for case in subject.cases if case.worst.resource == found and case.severity.value != "info"), None
    )
    flag = Cell(name, name=True)
    if first is not None:
        rule = first.worst.rule.replace("-", " ")
        flag = Cell(name, name=True, second=f"{GLYPHS[first.severity]} {first.severity.value}: {rule}")
    course = Cell("", svg=spark) if spark is not None else Cell(units.NOTHING)
    return [flag, cell, waited, failed, course, Cell(f"all about {page}", href=f"{page}.html")]


def reason(why: str) -> Cell:
    return Cell(f"{MISSING}: {why}")


def most(series: pd.Series, quantity: Quantity, what: str, why: str) -> Cell:
    highest = peak(series)[0]
    return reason(why) if highest is None else Cell(f"{what} {units.text(highest, quantity)}")


def waiting(subject: Subject, metric: Metric) -> str:
    """Say how much of the time some task waited, if the kernel counts it."""
    if not subject.run.has(metric):
        return "waiting time not collected: no /proc/pressure"
    share = derived.only(derived.share_of_time(subject.run, metric), "")
    return f"some task waited at most {units.text(peak(share)[0], units.PERCENT)} of the time"


def cpu(subject: Subject) -> Iterator[list[Cell]]:
    busy, run = subject.cpu["busy"], subject.run
    used = most(busy, units.PERCENT, "busy at most", "no /proc/stat and no shares of CPU time")
    said = []
    if run.has(TASKS_RUNNING):
        cpus = len(derived.cpus(run)) or derived.cpu_count(run)
        queue = peak(derived.only(run.values(TASKS_RUNNING), ""))[0] or 0.0
        said.append(f"at most {units.grouped(queue)} tasks to run for {units.counted(cpus, 'CPU')}")
    said.append(waiting(subject, CPU_WAITING))
    yield row(
        subject, "CPU", "cpu", "cpu", (used, busy, units.PERCENT), Cell("; ".join(said)),
        reason("machine checks are not in the data"),
    )  # fmt: skip


def memory(subject: Subject) -> Iterator[list[Cell]]:
    run = subject.run
    share = derived.memory_used(run)["percent"] if run.has(MEMORY_TOTAL) else pd.Series(dtype="float64")
    used = most(share, units.PERCENT, "used at most", "no /proc/meminfo")
    out = derived.only(run.rates(SWAPPED_OUT), "") if run.has(SWAPPED_OUT) else None
    said = [
        "swapping not collected: no /proc/vmstat" if out is None
        else f"at most {units.text(peak(out)[0], units.plain('pages/s'))} swapped out",
        waiting(subject, MEMORY_WAITING),
    ]  # fmt: skip
    kills = run.totals(OOM_KILLS).get("") if run.has(OOM_KILLS) else None
    failed = reason("no oom_kill in /proc/vmstat")
    if kills is not None:
        failed = Cell(f"{units.counted(int(kills), 'process', 'processes')} killed")
    yield row(subject, "Memory", "memory", "memory", (used, share, units.PERCENT), Cell("; ".join(said)), failed)


def disk(subject: Subject) -> Iterator[list[Cell]]:
    run, names = subject.run, subject.primary_disks
    failed = reason("the kernel counts no errors in /proc/diskstats")
    busy, wait = derived.share_of_time(run, DISK_BUSY), derived.disk_wait(run)
    for name in names:
        share = derived.only(busy, name)
        used = most(share, units.PERCENT, "had a request at most", "no time in /proc/diskstats")
        longest = peak(derived.only(wait, name))[0]
        said = (
            "waits not collected" if longest is None else f"a request took at most {units.text(longest, units.SECONDS)}"
        )
        yield row(
            subject, f"Disk {shown(name)}", "disk", "disk", (used, share, units.PERCENT),
            Cell(f"{said}; {waiting(subject, IO_WAITING)}"), failed,
        )  # fmt: skip
    if not names:
        known = disks(run)
        why = "no disk was read or written" if known.named or known.listed else "no /proc/diskstats"
        cell = Cell(why) if why.startswith("no disk") else reason(why)
        yield row(
            subject, "Disks", "disk", "disk", (cell, None, units.PERCENT), Cell(waiting(subject, IO_WAITING)), failed
        )


def network(subject: Subject) -> Iterator[list[Cell]]:
    run, names = subject.run, subject.primary_interfaces
    for name in names:
        received, sent = (BITS * derived.only(run.rates(metric), name) for metric in (RECEIVED_BYTES, SENT_BYTES))
        into, out = (units.text(peak(rate)[0], units.BITS_PER_SECOND) for rate in (received, sent))
        text = f"at most {into} received, {out} sent"
        drops, errors = (
            sum(float(run.totals(metric).get(name, 0) or 0) for metric in pair) if run.has(*pair) else None
            for pair in ((RECEIVED_DROPS, SENT_DROPS), (RECEIVED_ERRORS, SENT_ERRORS))
        )
        yield row(
            subject, f"Network {shown(name)}", "network", "network", (Cell(text), received, units.BITS_PER_SECOND),
            reason("no drops in the data") if drops is None else Cell(f"{units.grouped(drops)} packets dropped"),
            reason("no errors in the data") if errors is None else Cell(f"{units.grouped(errors)} packets with errors"),
        )  # fmt: skip
    if not names:
        known = interfaces(run).listed
        cell = Cell("no interface of the machine carried anything") if known else reason("no /proc/net/dev")
        quiet = Cell("nothing was sent") if known else reason("no /proc/net/dev")
        yield row(subject, "Network", "network", "network", (cell, None, units.PERCENT), quiet, quiet)


def filesystem(subject: Subject) -> Iterator[list[Cell]]:
    run = subject.run
    used = derived.filesystem_used(run)
    top = used.max().dropna()
    failed = reason("remounts as read-only are not in the data")
    if not run.has(FILESYSTEM_SIZE) or not len(top):
        why = reason("the data says nothing of file systems")
        yield row(subject, "File systems", "filesystem", "filesystem", (why, None, units.PERCENT), why, failed)
        return
    fullest = str(top.idxmax())
    inodes = reason("the number of files is not in the data")
    if run.has(INODES, INODES_FREE):
        every, free = run.values(INODES), run.values(INODES_FREE)
        share = (100 * (every - free) / every.where(every > 0)).max().max()
        inodes = Cell(f"at most {units.text(float(share), units.PERCENT)} of the files that one can hold")
    share = Cell(f"{units.text(float(top.max()), units.PERCENT)} of {shown(fullest)} at most")
    yield row(
        subject, "File systems", "filesystem", "filesystem", (share, used[fullest], units.PERCENT), inodes, failed,
    )  # fmt: skip

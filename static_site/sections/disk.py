"""Disks: how much they moved, how long a request took, and how much of the time they had one."""

import pandas as pd

from appliance.analysis import derived
from appliance.metrics import (
    DISK_BUSY,
    DISK_DISCARDS,
    DISK_READ_BYTES,
    DISK_READ_TIME,
    DISK_READS,
    DISK_WRITE_TIME,
    DISK_WRITES,
    DISK_WRITTEN_BYTES,
    Group,
)
from static_site import colours, units
from static_site.content import NO_RATES, Cell, Figure, Head, Note, Section, Table
from static_site.devices import VIRTUAL_DISK, Devices, disks, sums
from static_site.figures import show
from static_site.names import shown, slugs
from static_site.panels import Panel, Trace
from static_site.subject import Subject, mean, peak


def section(subject: Subject) -> Section:
    run = subject.run
    if not run.has(DISK_READS):
        return Section("disks", "Disks", "Not collected: the data has no /proc/diskstats.")
    if not subject.has_intervals(Group.DISK):
        return Section("disks", "Disks", NO_RATES)
    found = disks(run)
    if not found.listed:
        return Section("disks", "Disks", "No disk was read or written in the period.", quiet(found))
    tables = Tables(subject)
    busiest = found.drawn[0] if found.drawn else found.listed[0]
    answer = (
        f"{shown(busiest)} moved the most: {tables.total(busiest, 'read')} read and {tables.total(busiest, 'written')} "
        f"written. {tables.fastest()}"
    )
    figures = [figure(subject, tables, disk, ident) for disk, ident in slugs(found.drawn).items()]
    return Section("disks", "Disks", answer, [*figures, table(tables, found), *quiet(found)])


class Tables:
    """The tables of all disks, computed once."""

    def __init__(self, subject: Subject):
        run = self.run = subject.run
        self.subject, self.seconds = subject, run.seconds(DISK_READS)
        self.rates = {"read": run.rates(DISK_READ_BYTES), "written": run.rates(DISK_WRITTEN_BYTES)}
        self.over_gaps = {"read": run.gap_rates(DISK_READ_BYTES), "written": run.gap_rates(DISK_WRITTEN_BYTES)}
        self.busy_over_gaps = derived.PERCENT * run.gap_rates(DISK_BUSY)
        self.possible_busy = derived.PERCENT * run.possible_rates(DISK_BUSY)
        self.totals = {"read": run.totals(DISK_READ_BYTES), "written": run.totals(DISK_WRITTEN_BYTES)}
        self.wait, self.busy = derived.disk_wait(run), derived.share_of_time(run, DISK_BUSY)
        self.requests = run.rates(DISK_READS).add(run.rates(DISK_WRITES), fill_value=0)
        self.requests = self.requests.add(run.rates(DISK_DISCARDS), fill_value=0)
        self.timed = run.has(DISK_READ_TIME, DISK_WRITE_TIME)

    def total(self, disk: str, way: str) -> str:
        return units.text(self.totals[way].get(disk), units.TRAFFIC)

    def rate(self, disk: str, way: str) -> pd.Series:
        return derived.only(self.rates[way], disk)

    def fastest(self) -> str:
        """Say the highest throughput of all."""
        tops = [(peak(self.rate(disk, way)), disk, way) for way in self.rates for disk in self.rates[way].columns]
        known = [(value, at_ms, disk, way) for (value, at_ms), disk, way in tops if value is not None]
        if not known:
            return ""
        value, at_ms, disk, way = max(known, key=lambda entry: entry[0])
        when = self.subject.at(at_ms)
        return f"The highest rate was {units.text(value, units.TRAFFIC_PER_SECOND)} {way}, {shown(disk)} at {when} UTC."

    def mean_wait(self, disk: str) -> float | None:
        """Return the time of a request, over all requests of the period and not over intervals."""
        requests = sums(self.run, [disk], DISK_READS, DISK_WRITES)[disk]
        waited = sums(self.run, [disk], DISK_READ_TIME, DISK_WRITE_TIME)[disk]
        return float(waited / requests) if self.timed and requests > 0 else None


def figure(subject: Subject, tables: Tables, disk: str, ident: str) -> Figure | Note:
    gaps, seconds = subject.gaps(Group.DISK), tables.seconds
    ways = [("read", colours.READ), ("written", colours.WRITTEN)]
    panels = [
        Panel(
            [
                Trace(way, tables.rate(disk, way), seconds, colour, derived.only(tables.over_gaps[way], disk))
                for way, colour in ways
            ],
            units.TRAFFIC_PER_SECOND, gaps=gaps, label="Throughput",
        )
    ]  # fmt: skip
    if tables.timed:
        wait = Trace("time of a request", derived.only(tables.wait, disk), seconds, colours.BLUE)
        panels.append(Panel([wait], units.SECONDS, "a request", gaps=gaps, label="Wait"))
    if disk in tables.busy:
        busy = Trace("busy", tables.busy[disk], seconds, colours.BUSY, tables.busy_over_gaps[disk])
        panels.append(Panel([busy], units.PERCENT, "of time", top=100, gaps=gaps, label="Busy"))
    most = units.listed(
        [f"{units.text(peak(tables.rate(disk, way))[0], units.TRAFFIC_PER_SECOND)} {way}" for way, _ in ways]
    )
    return show(
        subject, f"disk-{ident}", f"at most {most}",
        "How much did it move, how long did a request take, how much of the time did it have one? Busy is no limit of "
        "capacity on NVMe and RAID, which serve many requests at once.",
        panels, what="reads and writes", name=disk, height=84,
    )  # fmt: skip


def table(tables: Tables, found: Devices) -> Table:
    heads = [
        Head("disk", False), Head("read"), Head("written"), Head("most read"), Head("most written"),
        Head("most requests", title="reads, writes and discards a second"),
        Head("wait", title="mean time of a read or write, over all of them"),
        Head("longest wait", title="highest mean of an interval"), Head("busy", title="mean share of time"),
        Head("most busy", title="highest share of an interval"),
    ]  # fmt: skip
    rows = []
    for disk in found.listed:
        wait, busy = derived.only(tables.wait, disk), derived.only(tables.busy, disk)
        possible = derived.only(tables.possible_busy, disk)
        rows.append([
            Cell(shown(disk), name=True), Cell(tables.total(disk, "read")), Cell(tables.total(disk, "written")),
            Cell(units.text(peak(tables.rate(disk, "read"))[0], units.TRAFFIC_PER_SECOND)),
            Cell(units.text(peak(tables.rate(disk, "written"))[0], units.TRAFFIC_PER_SECOND)),
            Cell(units.text(peak(derived.only(tables.requests, disk))[0], units.plain("/s"))),
            Cell(units.text(tables.mean_wait(disk), units.SECONDS)), Cell(units.text(peak(wait)[0], units.SECONDS)),
            Cell(units.text(mean(busy, tables.seconds), units.PERCENT)),
            Cell(units.text(peak(possible)[0], units.PERCENT)),
        ])  # fmt: skip
    hidden = [shown(disk) for disk in found.listed if disk not in found.drawn]
    note = f"Listed but not drawn, as partitions or less busy: {', '.join(hidden)}."
    return Table("disks-table", "Disks by traffic, partitions among them", heads, rows, [note] if hidden else [])


def quiet(found: Devices) -> list[Note]:
    virtual = [disk for disk in found.named if VIRTUAL_DISK.fullmatch(disk)]
    idle = [disk for disk in found.named if disk not in virtual]
    notes = []
    if virtual:
        notes.append(Note(f"Loop and RAM disks, not shown: {', '.join(map(shown, virtual))}."))
    if idle:
        notes.append(Note(f"No reads or writes in the period: {', '.join(map(shown, idle))}."))
    return notes

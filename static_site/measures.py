"""The key metrics of a machine: one row of the percentile table each."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from appliance.analysis import derived
from appliance.analysis.findings import core_saturated, cpu_saturated, io_wait, steal
from appliance.analysis.statistics import Over, Summary, over, summarise
from appliance.metrics import (
    CPU_WAITING,
    DISK_BUSY,
    DISK_READ_BYTES,
    DISK_READS,
    DISK_WRITTEN_BYTES,
    IO_WAITING,
    MEMORY_TOTAL,
    MEMORY_WAITING,
    RECEIVED_BYTES,
    SENT_BYTES,
    TASKS_RUNNING,
)
from static_site import units
from static_site.sparkline import sparkline
from static_site.subject import Subject
from static_site.units import Quantity

BITS = 8
PIECES = 36
"""Of a small chart: it is less wide than the one on the fleet page, and a page has many."""
LIMITS = {
    "CPU busy": cpu_saturated.BUSY_PERCENT, "CPU iowait": io_wait.WAIT_PERCENT, "CPU steal": steal.STEAL_PERCENT,
    "Busiest CPU": core_saturated.CORE_PERCENT,
}  # fmt: skip
"""Where a metric has a finding rule, the value that an episode of it reaches."""


@dataclass(frozen=True, slots=True)
class Measure:
    section: str
    """Where the page has more of it."""
    name: str
    of: str
    """The device, where it is of one."""
    quantity: Quantity
    unit: str
    """What a share is of, or the unit in words."""
    summary: Summary
    limit: float | None
    """At which a finding begins; None where no rule looks at the metric."""
    over: Over | None
    """How long it was at or over its limit."""
    previous: Summary | None
    """Of the period of equal length just before; None if there are no samples of it."""
    spark: Markup | None


def measures(subject: Subject) -> list[Measure]:
    """Return the key metrics that were collected, in the order of the page."""
    if not subject.has_samples:
        return []
    devices = subject.primary_disks, subject.primary_interfaces
    before = previous(subject, *devices)
    found = []
    for section, name, of, quantity, unit, series, seconds in rows(subject, *devices):
        if len(series) and series.notna().any():
            limit = LIMITS.get(name)
            found.append(
                Measure(
                    section, name, of, quantity, unit, summarise(series, seconds, subject.span.seconds), limit,
                    None if limit is None else over(series, seconds, limit), before.get((name, of)),
                    sparkline(series, subject.span, f"{of} {name}".strip(), quantity, PIECES),
                )
            )  # fmt: skip
    return found


def previous(subject: Subject, disks: list[str], interfaces: list[str]) -> dict[tuple[str, str], Summary]:
    """Summarise the period of equal length that ends where the machine's period begins."""
    if subject.earlier is None or not len(subject.earlier.at_ms):
        return {}
    earlier = Subject(subject.earlier, subject.slug)
    end_ms = subject.span.start_ms
    start_ms = end_ms - (subject.span.end_ms - end_ms)
    found = {}
    for _, name, of, _, _, series, seconds in rows(earlier, disks, interfaces):
        # A value is of the interval that ends at its time.
        within = series[(series.index > start_ms) & (series.index <= end_ms)]
        if within.notna().any():
            found[name, of] = summarise(within, seconds, subject.span.seconds)
    return found


Row = tuple[str, str, str, Quantity, str, pd.Series, pd.Series]


def rows(subject: Subject, disks: list[str], interfaces: list[str]) -> Iterator[Row]:
    run, percent = subject.run, units.PERCENT
    for mode in ("busy", "user", "system", "iowait", "steal"):
        yield "cpu", f"CPU {mode}", "", percent, "% of all CPU time", subject.cpu[mode], subject.cpu_seconds
    if subject.busy_by_cpu.shape[1] > 1:
        busiest = subject.busy_by_cpu.max(axis=1)
        yield "cpu", "Busiest CPU", "", percent, "% of that CPU's time", busiest, subject.cpu_seconds
    if run.has(TASKS_RUNNING):
        running = derived.only(run.values(TASKS_RUNNING), "")
        yield "cpu", "Tasks running or ready", "", units.TASKS, "tasks", running, run.seconds(TASKS_RUNNING)
    if run.has(MEMORY_TOTAL):
        used, swap, held = derived.memory_used(run), derived.swap_used(run), run.seconds(MEMORY_TOTAL)
        yield "memory", "Memory used", "", percent, "% of memory", used["percent"], held
        yield "memory", "Swap used", "", percent, "% of swap", swap["percent"], held
    for name, metric in (("CPU", CPU_WAITING), ("memory", MEMORY_WAITING), ("I/O", IO_WAITING)):
        waited = derived.only(derived.share_of_time(run, metric), "")
        yield "pressure", f"Waited for {name}", "", percent, "% of time", waited, run.seconds(metric)
    yield from disk_rows(subject, disks)
    received, sent, seconds = run.rates(RECEIVED_BYTES), run.rates(SENT_BYTES), run.seconds(RECEIVED_BYTES)
    for interface in interfaces:
        for name, rates in (("received", received), ("sent", sent)):
            bits = BITS * derived.only(rates, interface)
            yield "network", name, interface, units.BITS_PER_SECOND, "bit/s", bits, seconds


def disk_rows(subject: Subject, disks: list[str]) -> Iterator[Row]:
    run = subject.run
    seconds, wait = run.seconds(DISK_READS), derived.disk_wait(run)
    read, written, busy = (
        run.rates(DISK_READ_BYTES),
        run.rates(DISK_WRITTEN_BYTES),
        derived.share_of_time(run, DISK_BUSY),
    )
    for disk in disks:
        for name, quantity, unit, table in (
            ("read", units.TRAFFIC_PER_SECOND, "bytes/s", read),
            ("written", units.TRAFFIC_PER_SECOND, "bytes/s", written),
            ("wait", units.SECONDS, "a request", wait),
            ("busy", units.PERCENT, "% of time", busy),
        ):
            yield "disks", name, disk, quantity, unit, derived.only(table, disk), seconds

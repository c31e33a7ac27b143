"""Network interfaces: bits received and sent, and what was lost."""

from appliance.analysis import derived
from appliance.metrics import (
    RECEIVED_BYTES,
    RECEIVED_DROPS,
    RECEIVED_ERRORS,
    RECEIVED_PACKETS,
    SENT_BYTES,
    SENT_DROPS,
    SENT_ERRORS,
    SENT_PACKETS,
    Group,
    Metric,
)
from static_site import colours, units
from static_site.content import NO_RATES, Cell, Figure, Head, Note, Section, Table
from static_site.devices import Devices, interfaces
from static_site.figures import show
from static_site.measures import BITS
from static_site.names import shown, slugs
from static_site.panels import Panel, Trace
from static_site.subject import Subject, peak


def section(subject: Subject) -> Section:
    if not subject.run.has(RECEIVED_BYTES):
        return Section("network", "Network", "Not collected: the data has no /proc/net/dev.")
    if not subject.has_intervals(Group.NETWORK):
        return Section("network", "Network", NO_RATES)
    found = interfaces(subject.run)
    parts = [
        *(figure(subject, interface, ident) for interface, ident in slugs(found.drawn).items()),
        table(subject, found),
    ]
    return Section("network", "Network", answer(subject, found), parts)


def answer(subject: Subject, found: Devices) -> str:
    if not found.drawn:
        return f"No interface of the machine{besides(found)} received or sent anything in the period."
    busiest = found.drawn[0]
    received, sent = (most(subject, busiest, metric) for metric in (RECEIVED_BYTES, SENT_BYTES))
    return f"{shown(busiest)} carried the most: at most {received} received and {sent} sent."


def most(subject: Subject, interface: str, metric: Metric) -> str:
    """Write the highest rate of an interface that is possible, in bits."""
    rates = BITS * derived.only(subject.run.possible_rates(metric), interface)
    return units.text(peak(rates)[0], units.BITS_PER_SECOND)


def besides(found: Devices) -> str:
    """Name the kinds of virtual interfaces that carried something, which the table shows."""
    kinds = ["lo"] if "lo" in found.active else []
    kinds += ["those of containers"] if set(found.active) - {"lo"} else []
    return f" besides {units.listed(kinds)}" if kinds else ""


def figure(subject: Subject, interface: str, ident: str) -> Figure | Note:
    run = subject.run
    traces = [
        Trace(
            way, BITS * derived.only(run.rates(metric), interface), run.seconds(metric), colour,
            BITS * derived.only(run.gap_rates(metric), interface),
        )
        for way, metric, colour in (
            ("received", RECEIVED_BYTES, colours.RECEIVED), ("sent", SENT_BYTES, colours.SENT),
        )
    ]  # fmt: skip
    received, sent = (most(subject, interface, metric) for metric in (RECEIVED_BYTES, SENT_BYTES))
    return show(
        subject, f"network-{ident}", f"at most {received} received and {sent} sent", "How much went over it?",
        [Panel(traces, units.BITS_PER_SECOND, gaps=subject.gaps(Group.NETWORK))], what="traffic", name=interface,
        height=120,
    )  # fmt: skip


def table(subject: Subject, found: Devices) -> Table:
    run = subject.run
    heads = [
        Head("interface", False), Head("received"), Head("sent"), Head("most received"), Head("most sent"),
        Head("most packets in"), Head("most packets out"), Head("errors", title="received and sent, in the period"),
        Head("drops", title="received and sent, in the period"),
    ]  # fmt: skip
    rates = [
        (BITS * run.possible_rates(RECEIVED_BYTES), units.BITS_PER_SECOND),
        (BITS * run.possible_rates(SENT_BYTES), units.BITS_PER_SECOND),
        (run.rates(RECEIVED_PACKETS), units.PER_SECOND), (run.rates(SENT_PACKETS), units.PER_SECOND),
    ]  # fmt: skip
    received, sent = run.totals(RECEIVED_BYTES), run.totals(SENT_BYTES)
    lost = [
        (run.totals(RECEIVED_ERRORS), run.totals(SENT_ERRORS)), (run.totals(RECEIVED_DROPS), run.totals(SENT_DROPS)),
    ]  # fmt: skip
    rows = [
        [
            Cell(shown(name), name=True), Cell(units.text(received.get(name), units.TRAFFIC)),
            Cell(units.text(sent.get(name), units.TRAFFIC)),
            *(Cell(units.text(peak(derived.only(table, name))[0], quantity)) for table, quantity in rates),
            *(
                Cell(f"{units.text(into.get(name), units.COUNT)} / {units.text(out.get(name), units.COUNT)}")
                for into, out in lost
            ),
        ]
        for name in found.listed
    ]  # fmt: skip
    return Table("network-table", "Interfaces by traffic; errors and drops: received / sent", heads, rows)

"""
Packets that an interface received or sent with errors.

More than 1 % of all packets is what node-mixin warns at, over an hour; two minutes are taken here, with at least ten
packets a second, because of few packets a single one is a large share.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import PERCENT, only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import (
    RECEIVED_ERRORS,
    RECEIVED_PACKETS,
    SENT_ERRORS,
    SENT_PACKETS,
    Metric,
)

ERRORS_PERCENT, CALM_PERCENT, LEAST_PACKETS, LEAST_SECONDS = 1.0, 0.3, 10.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    yield from lost_packets(rule, run, limits, (RECEIVED_ERRORS, SENT_ERRORS), "Packets with errors", "had errors")


def lost_packets(
    rule: Rule, run: Run, limits: Limits, metrics: tuple[Metric, Metric], title: str, verb: str
) -> Iterator[Finding]:
    """Find interfaces of whose packets, received or sent, too many were lost."""
    for packets, lost, way in zip((RECEIVED_PACKETS, SENT_PACKETS), metrics, ("received", "sent"), strict=True):
        totals = run.totals(lost) if run.has(lost) else pd.Series(dtype="float64")
        for interface in totals.index[totals > 0]:
            if interface == "lo":
                continue
            fell, went = only(run.rates(lost), interface), only(run.rates(packets), interface)
            # What was lost is not always counted among what went.
            every = pd.concat([went, fell], axis=1).max(axis=1)
            share = (PERCENT * fell / every.where(every > 0)).where(every >= limits["packets"], 0.0)
            watched = Watched(title, f"% of packets {way}", share.where(fell.notna()), run.seconds(lost))
            for episode in episodes(
                watched.series, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]
            ):
                many = fell.loc[episode.series.index].mean()
                sentence = f"{three_digits(episode.mean)} % of the packets {way} {verb}, {three_digits(many)} a second."
                yield rule.found(interface, episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="network-errors",
    title="Network packets with errors",
    severity=Severity.HIGH,
    resource="network",
    needs=((RECEIVED_ERRORS, SENT_ERRORS, RECEIVED_PACKETS, SENT_PACKETS),),
    limits={
        "enter": ERRORS_PERCENT, "leave": CALM_PERCENT, "packets": LEAST_PACKETS, "seconds": LEAST_SECONDS,
    },
    meaning="A cable, a connector, an optical module or a port was faulty, or both ends differed in speed or duplex.",
    next_steps=(
        "See which errors: ip -s -s link show IFACE, ethtool -S IFACE | grep -iE 'err|crc'",
        "See speed and duplex: ethtool IFACE",
        "Change the cable or the port of the switch.",
    ),
    check=check,
)  # fmt: skip

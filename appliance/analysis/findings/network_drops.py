"""
Packets that an interface dropped.

From 2 % of all packets Netdata warns; two minutes, and at least ten packets a second.
"""

from collections.abc import Iterator

from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.network_errors import LEAST_PACKETS, LEAST_SECONDS, lost_packets
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.metrics import RECEIVED_DROPS, RECEIVED_PACKETS, SENT_DROPS, SENT_PACKETS

DROPS_PERCENT, CALM_PERCENT = 2.0, 0.7


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    yield from lost_packets(rule, run, limits, (RECEIVED_DROPS, SENT_DROPS), "Packets dropped", "were dropped")


RULE = Rule(
    id="network-drops",
    title="Network packets dropped",
    severity=Severity.HIGH,
    resource="network",
    needs=((RECEIVED_DROPS, SENT_DROPS, RECEIVED_PACKETS, SENT_PACKETS),),
    limits={"enter": DROPS_PERCENT, "leave": CALM_PERCENT, "packets": LEAST_PACKETS, "seconds": LEAST_SECONDS},
    meaning="Packets came faster than they were taken, a queue was too short, or they were of a kind nobody wanted.",
    next_steps=(
        "See where: ip -s -s link show IFACE, ethtool -S IFACE | grep -i drop, nstat -az | grep -i drop",
        "See the length of its queues: ethtool -g IFACE",
        "See whether one CPU does all the work of the network: mpstat -P ALL 5 (column soft)",
    ),
    check=check,
)

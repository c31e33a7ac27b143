"""
Nearly as many connections followed by the packet filter as it can follow.

Above 75 % node-mixin warns; above 90 % it is a matter of minutes.
"""

from collections.abc import Iterator

from appliance.analysis.findings.file_handles import near_limit
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.protocol_metrics import CONNTRACK_ENTRIES, CONNTRACK_LIMIT

WARN_PERCENT, CALM_PERCENT, CRITICAL_PERCENT, LEAST_SECONDS = 75.0, 70.0, 90.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    words = ("connections", "connections were followed", "Connections followed")
    yield from near_limit(rule, run, limits, (CONNTRACK_ENTRIES, CONNTRACK_LIMIT), words)


RULE = Rule(
    id="conntrack",
    title="Connection table nearly full",
    severity=Severity.HIGH,
    resource="network",
    needs=((CONNTRACK_ENTRIES, CONNTRACK_LIMIT),),
    limits={"enter": WARN_PERCENT, "leave": CALM_PERCENT, "critical": CRITICAL_PERCENT, "seconds": LEAST_SECONDS},
    meaning="There were very many connections, or their entries stay long: once it is full new ones are dropped.",
    next_steps=(
        "See who has most: conntrack -L | awk '{print $5}' | sort | uniq -c | sort -n | tail",
        "See whether packets were dropped: dmesg -T | grep 'table full'",
        "Raise the limit: sysctl -w net.netfilter.nf_conntrack_max=N",
    ),
    check=check,
)

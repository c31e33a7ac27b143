"""
Connections that found the accept queue of a program full.

Netdata warns above one a minute and calls five critical; PCP's pmieconf tells of any in two minutes. Five within ten
minutes are taken here: a single one when a program starts is usual.
"""

from collections.abc import Iterator

from appliance.analysis.derived import only
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.occurrences import occurrences
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.protocol_metrics import LISTEN_OVERFLOWS

LEAST_OVERFLOWS = 5.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    grown = only(run.deltas(LISTEN_OVERFLOWS), "")
    for one in occurrences(grown, run.seconds(LISTEN_OVERFLOWS)):
        if one.count >= limits["overflows"]:
            yield Finding(
                rule.id, rule.severity, rule.resource, "listening sockets", one.start_ms, one.end_ms,
                f"{grouped(one.count)} connections found the accept queue of a program full.",
                Evidence("Accept queue full", "connections in an interval", None, grown, one.most, one.most_at_ms),
            )  # fmt: skip


RULE = Rule(
    id="listen-overflows",
    title="Connections that found an accept queue full",
    severity=Severity.HIGH,
    resource="network",
    needs=((LISTEN_OVERFLOWS,),),
    limits={"overflows": LEAST_OVERFLOWS},
    meaning="A server program took new connections too slowly, or more came at once than its queue holds: clients "
    "waited and tried again.",
    next_steps=(
        "See which socket is full: ss -ltn (Recv-Q near Send-Q)",
        "See how long its queue may be: sysctl net.core.somaxconn, and the backlog of the program itself",
    ),
    check=check,
)

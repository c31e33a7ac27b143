"""
Processes killed because memory ran out.

Any is too many: PCP's pmieconf and Netdata tell of each.
"""

from collections.abc import Iterator

from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.occurrences import occurrences
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.cgroup_metrics import CGROUP_OOM_KILLS
from appliance.metrics import OOM_KILLS
from appliance.process_metrics import PROCESS_MEMORY


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    known: list[Finding] = []
    # A kill in a group is counted for the machine as well: the group is told, which says more.
    for metric in (CGROUP_OOM_KILLS, OOM_KILLS):
        deltas, seconds = run.deltas(metric), run.seconds(metric)
        for group in deltas.columns:
            for one in occurrences(deltas[group], seconds):
                if one.count < limits["kills"] or (
                    not group and any(kill.start_ms <= one.end_ms and one.start_ms <= kill.end_ms for kill in known)
                ):
                    continue
                what = "One process was" if one.count == 1 else f"{grouped(one.count)} processes were"
                found = Finding(
                    rule.id, rule.severity, rule.resource, group or "memory", one.start_ms, one.end_ms,
                    f"{what} killed because {'its group had used the memory it may' if group else 'memory ran out'}.",
                    Evidence("Processes killed", "kills", None, deltas[group], one.most, one.most_at_ms),
                )  # fmt: skip
                known.append(found)
                yield found


RULE = Rule(
    id="oom-kill",
    title="Processes killed because memory ran out",
    severity=Severity.CRITICAL,
    resource="memory",
    needs=((OOM_KILLS,), (CGROUP_OOM_KILLS,)),
    limits={"kills": 1.0},
    meaning="Programs wanted more memory than there was, and the kernel ended one of them to save the others.",
    next_steps=(
        "See which process it was, and how large the others were: journalctl -k | grep -iE 'out of memory|oom'",
        "See the limit of its service: systemctl show -p MemoryMax UNIT",
        "Lower what the program may take, raise its limit, or add memory.",
    ),
    check=check,
    who=(PROCESS_MEMORY,),
)

"""
Tasks that hung for minutes in a wait that nothing interrupts.

The kernel itself says so, after two minutes as it is delivered: any is told.
"""

from collections.abc import Iterator

from appliance.analysis.derived import only
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.occurrences import occurrences
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.hardware_metrics import HUNG_TASKS


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    grown = only(run.deltas(HUNG_TASKS), "")
    for one in occurrences(grown, run.seconds(HUNG_TASKS)):
        if one.count >= limits["tasks"]:
            what = "One task" if one.count == 1 else f"{grouped(one.count)} tasks"
            yield Finding(
                rule.id, rule.severity, rule.resource, "tasks", one.start_ms, one.end_ms,
                f"{what} hung for minutes in a wait that nothing interrupts.",
                Evidence("Tasks found to hang", "tasks", None, grown, one.most, one.most_at_ms),
            )  # fmt: skip


RULE = Rule(
    id="hung-tasks",
    title="Tasks that hung for minutes",
    severity=Severity.HIGH,
    resource="system",
    needs=((HUNG_TASKS,),),
    limits={"tasks": 1.0},
    meaning="A disk or a file server did not answer, or the kernel has a fault.",
    next_steps=(
        "See which task it was and where it waited: journalctl -k | grep -A20 'blocked for more than'",
        "See whether disks and file servers answer: iostat -xz 5, mount | grep nfs",
    ),
    check=check,
)

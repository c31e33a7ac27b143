"""
A file system with nearly no room for further files.

Above 90 % of its inodes Netdata warns, above 98 % it is critical, as with space.
"""

from collections.abc import Iterator

from appliance.analysis.derived import PERCENT
from appliance.analysis.findings.filesystem_full import FAILING_PERCENT, FULL_PERCENT, full_at_the_end
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.metrics import INODES, INODES_FREE
from appliance.process_metrics import PROCESS_WRITTEN


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    # Some kinds have no inodes of their own and say 0.
    every = run.values(INODES)
    used = PERCENT * (1 - run.values(INODES_FREE) / every.where(every > 0))
    for mount in used.columns:
        what = "inodes of the file system were"
        yield from full_at_the_end(rule, mount, used[mount], what, "Inodes used", "inodes", limits)


RULE = Rule(
    id="inodes-full",
    title="File system nearly out of inodes",
    severity=Severity.HIGH,
    resource="filesystem",
    needs=((INODES, INODES_FREE),),
    limits={"high": FULL_PERCENT, "critical": FAILING_PERCENT},
    meaning="Very many small files took nearly all inodes: when none is left no file can be made.",
    next_steps=(
        "See where the files are: du --inodes -x --max-depth=2 MOUNT | sort -n | tail",
        "Remove old sessions, caches or mails, and see that something removes them.",
    ),
    check=check,
    who=(PROCESS_WRITTEN,),
)

"""
A file system nearly full.

At 90 % an admin has time left to act, at 98 % programs are about to fail: the limits that Netdata takes.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import filesystem_used
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.metrics import FILESYSTEM_AVAILABLE, FILESYSTEM_FREE, FILESYSTEM_SIZE
from appliance.process_metrics import PROCESS_WRITTEN

FULL_PERCENT, FAILING_PERCENT = 90.0, 98.0
READ_ONLY_KIND = "/snap/"
"""Images that are full by nature are mounted there."""


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    used = filesystem_used(run)
    for mount in used.columns:
        if not mount.startswith(READ_ONLY_KIND):
            yield from full_at_the_end(rule, mount, used[mount], "file system was", "Space used", "size", limits)


def full_at_the_end(
    rule: Rule, mount: str, used: pd.Series, what: str, title: str, of: str, limits: Limits
) -> Iterator[Finding]:
    """Find what is full, in percent: at the end, because a file system that was emptied is no finding."""
    series = used.dropna()
    if not len(series) or series.iloc[-1] < limits["high"]:
        return
    # From the last time that it was less full.
    below = series.index[series < limits["high"]]
    above = series[series.index > below[-1]] if len(below) else series
    severity = Severity.CRITICAL if series.iloc[-1] >= limits["critical"] else Severity.HIGH
    yield Finding(
        rule.id, severity, rule.resource, mount, int(above.index[0]), int(series.index[-1]),
        f"The {what} {series.iloc[-1]:.0f} % full at the end.",
        Evidence(title, f"% of its {of}", limits["high"], used, float(above.max()), int(above.idxmax())),
    )  # fmt: skip


RULE = Rule(
    id="filesystem-full",
    title="File system nearly full",
    severity=Severity.HIGH,
    resource="filesystem",
    needs=((FILESYSTEM_SIZE, FILESYSTEM_FREE, FILESYSTEM_AVAILABLE),),
    limits={"high": FULL_PERCENT, "critical": FAILING_PERCENT},
    meaning="Data, logs or temporary files took nearly all of the space: when it is full, programs that write fail.",
    next_steps=(
        "See what is big: du -xh --max-depth=2 MOUNT | sort -h | tail",
        "See files that were deleted and are still held open: lsof +L1",
        "Remove what is not needed, rotate logs, or enlarge it.",
    ),
    check=check,
    who=(PROCESS_WRITTEN,),
)

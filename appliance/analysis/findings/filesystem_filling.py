"""
A file system that will be full soon if it goes on as it did.

As node-mixin: the line through the last six hours reaches the end within 24 hours, and less than 40 % is left; within
four hours and with less than 20 % left it is worse. The line must hold: both halves of the time rise, and it explains
four fifths of what happened. An hour of samples is the least.
"""

from collections.abc import Iterator

import numpy as np

from appliance.analysis.derived import filesystem_used
from appliance.analysis.findings.filesystem_full import FULL_PERCENT, READ_ONLY_KIND
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import duration
from appliance.metrics import FILESYSTEM_AVAILABLE, FILESYSTEM_FREE, FILESYSTEM_SIZE
from appliance.process_metrics import PROCESS_WRITTEN

LEAST_USED, SOON_USED = 60.0, 80.0
HOURS, SOON_HOURS = 24.0, 4.0
WINDOW_SECONDS, LEAST_SECONDS, LEAST_SAMPLES = 6 * 3600.0, 3600.0, 20
EXPLAINED = 0.8


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    used = filesystem_used(run)
    for mount in used.columns:
        series = used[mount].dropna()
        if not len(series) or not limits["used"] <= series.iloc[-1] < FULL_PERCENT or mount.startswith(READ_ONLY_KIND):
            continue
        recent = series[series.index > series.index[-1] - WINDOW_SECONDS * 1000]
        hours = (recent.index.to_numpy() - recent.index[-1]) / 3_600_000
        if len(recent) < LEAST_SAMPLES or -hours[0] * 3600 < LEAST_SECONDS:
            continue
        values = recent.to_numpy()
        slope, end = np.polyfit(hours, values, 1)
        rest = values - (slope * hours + end)
        half = len(values) // 2
        rises = min(np.polyfit(hours[part], values[part], 1)[0] for part in (slice(half), slice(half, None)))
        if slope <= 0 or not values.var() or rises < slope / 4 or 1 - rest.var() / values.var() < EXPLAINED:
            continue
        left = (100 - float(values[-1])) / float(slope)
        if left > limits["hours"]:
            continue
        soon = left <= limits["soon_hours"] and values[-1] >= SOON_USED
        yield Finding(
            rule.id, Severity.CRITICAL if soon else rule.severity, rule.resource, mount,
            int(recent.index[0]), int(recent.index[-1]),
            f"The file system was {values[-1]:.0f} % full at the end and grew by {slope:.1f} % of its size an hour: at "
            f"that pace it is full {duration(round(left * 60) * 60)} later.",
            Evidence("Space used", "% of its size", None, used[mount], float(values.max()), int(recent.idxmax())),
        )  # fmt: skip


RULE = Rule(
    id="filesystem-filling",
    title="File system filling",
    severity=Severity.HIGH,
    resource="filesystem",
    needs=((FILESYSTEM_SIZE, FILESYSTEM_FREE, FILESYSTEM_AVAILABLE),),
    limits={"used": LEAST_USED, "hours": HOURS, "soon_hours": SOON_HOURS},
    meaning="Something wrote without end: a log, a dump, a copy that was not bounded.",
    next_steps=(
        "See what grows: find MOUNT -xdev -type f -mmin -60 -size +10M -ls",
        "See which process writes: pidstat -d 5, iotop -o",
    ),
    check=check,
    who=(PROCESS_WRITTEN,),
)

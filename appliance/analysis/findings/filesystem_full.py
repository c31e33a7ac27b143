"""
A file system nearly full.

At 90 % an admin has time left to act, at 98 % programs are about to fail: the limits that Netdata takes.
"""

from collections.abc import Iterator

from appliance.analysis.derived import filesystem_used
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.run import Run

FULL_PERCENT, FAILING_PERCENT = 90.0, 98.0


def check(run: Run) -> Iterator[Finding]:
    used = filesystem_used(run)
    for mount in used.columns:
        series = used[mount].dropna()
        above = series[series >= FULL_PERCENT]
        # What counts is how it stands at the end: a file system that was emptied is no finding.
        if len(above) and series.iloc[-1] >= FULL_PERCENT:
            severity = Severity.CRITICAL if series.iloc[-1] >= FAILING_PERCENT else Severity.HIGH
            yield Finding(
                "filesystem-full", severity, "filesystem", mount, int(above.index[0]), int(series.index[-1]),
                f"The file system was {series.iloc[-1]:.0f} % full at the end.",
                Evidence("Space used", "% of its size", FULL_PERCENT, used[mount], above.max(), int(above.idxmax())),
            )  # fmt: skip

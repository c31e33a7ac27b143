"""
Time without samples: a gap may hide anything, so nothing is said of it but that it is there.

An interval 2.5 times as long as those around it is a gap (`analysis.run.GAP`). Half an hour of gaps, or a twentieth of
the period and five minutes, is worth more than a line: a daily incident may hide in it (a limit of our own).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import GAP, Run
from appliance.analysis.wording import duration, grouped
from appliance.metrics import BOOT_TIME, CPU_IDLE, CPU_SHARES, MEMORY_TOTAL

LONG_SECONDS, SHARE, SHARE_SECONDS = 1800.0, 0.05, 300.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    index = run.axis(run.main_group)
    rows = np.flatnonzero(run.main_intervals.gaps & ~run.main_intervals.boots)
    if not len(rows) or run.interval_seconds is None:
        return
    starts, ends = index.to_numpy()[rows - 1], index.to_numpy()[rows]
    intervals = pd.Series(run.main_intervals.seconds, index=index)
    seconds = float((ends - starts).sum()) / 1000
    span = (run.period[1] - run.period[0]) / 1000
    much = seconds >= limits["seconds"] or (seconds >= SHARE_SECONDS and seconds >= limits["share"] * span)
    longest = int(np.argmax(ends - starts))
    count = "One gap" if len(rows) == 1 else f"{grouped(len(rows))} gaps"
    yield Finding(
        rule.id, Severity.MEDIUM if much else rule.severity, rule.resource, "samples",
        int(starts[0]), int(ends[-1]),
        f"{count} without samples, {duration(round(seconds))} in all: nothing is known of that time.",
        Evidence(
            "Time between samples", "s", GAP * run.interval_seconds, intervals,
            float(ends[longest] - starts[longest]) / 1000, int(ends[longest]),
        ),
    )  # fmt: skip


RULE = Rule(
    id="gaps",
    title="Time without samples",
    severity=Severity.INFO,
    resource="data",
    needs=((CPU_IDLE,), (MEMORY_TOTAL,), (CPU_SHARES["idle"],), (BOOT_TIME,)),
    limits={"seconds": LONG_SECONDS, "share": SHARE},
    meaning="The recorder was stopped, the machine was off or stood still, or what it sent did not arrive.",
    next_steps=(
        "See whether the machine ran: last -x, journalctl --list-boots",
        "See what the recorder said: journalctl -u pcc",
    ),
    check=check,
)

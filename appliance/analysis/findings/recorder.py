"""
Samples that the recorder lost, and sources that it could not read.

Any lost sample is a hole in what this site says. A source whose reading failed in a tenth of the samples, and five
times at the least, is missing where it may matter; a single failure is told on the page of the data (limits of our
own).
"""

from collections.abc import Iterator

import numpy as np

from appliance.analysis.derived import only
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.occurrences import occurrences
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.recorder_metrics import (
    RECORDER_LATE,
    RECORDER_LOST,
    RECORDER_SAMPLES,
    REFUSED,
    SOURCE_UNREAD,
    SPOOL_DROPPED,
)

LEAST_LOST, LEAST_UNREAD, UNREAD_SHARE = 5.0, 5.0, 0.1
TOGETHER_SECONDS = 3600.0
LOST = {
    RECORDER_LATE: "were not taken because the machine was too slow for them",
    RECORDER_LOST: "found no room on the disk",
    SPOOL_DROPPED: "found no room to wait for the receiver",
    REFUSED: "were refused by the receiver",
}


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    for metric, why in LOST.items():
        grown = only(run.deltas(metric), "")
        for one in occurrences(grown, run.seconds(metric), TOGETHER_SECONDS):
            if one.count >= limits["samples"]:
                yield Finding(
                    rule.id, rule.severity, rule.resource, "samples", one.start_ms, one.end_ms,
                    f"{grouped(one.count)} samples {why}.",
                    Evidence("Samples lost", "samples in an interval", None, grown, one.most, one.most_at_ms),
                )  # fmt: skip
    taken, unread, seconds = (
        only(run.deltas(RECORDER_SAMPLES), ""),
        run.deltas(SOURCE_UNREAD),
        run.seconds(SOURCE_UNREAD),
    )
    for source in unread.columns:
        failed = unread[source]
        times, rows = float(failed.sum()), np.flatnonzero(failed > 0)
        if times < limits["unread"] or times < limits["unread_share"] * float(taken.sum()):
            continue
        first, last = int(failed.index[rows[0]]), int(failed.index[rows[-1]])
        length = float(seconds.loc[first])
        start_ms = first - (round(length * 1000) if np.isfinite(length) else 0)
        yield Finding(
            rule.id, rule.severity, rule.resource, source, start_ms, last,
            f"The recorder could not read {source} {grouped(times)} times.",
            Evidence("Readings that failed", "in an interval", None, failed, float(failed.max()), int(failed.idxmax())),
        )  # fmt: skip


RULE = Rule(
    id="recorder",
    title="Failures of the recorder itself",
    severity=Severity.MEDIUM,
    resource="data",
    needs=((RECORDER_SAMPLES,), (RECORDER_LATE,)),
    limits={"samples": LEAST_LOST, "unread": LEAST_UNREAD, "unread_share": UNREAD_SHARE},
    meaning="The machine was overloaded or its disk full, the receiver was not reached for long, or a source of the "
    "kernel could not be read: what was lost is in no chart.",
    next_steps=(
        "See what the recorder said: journalctl -u pcc",
        "See whether there is room: df -h",
        "See whether the receiver answers: curl -sS URL/healthz",
    ),
    check=check,
)

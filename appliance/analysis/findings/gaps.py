"""
Time without samples: a gap may hide anything, so nothing is said of it but that it is there.

An interval 2.5 times as long as those around it is a gap (`analysis.run.GAP`).
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.run import GAP, Run
from appliance.analysis.wording import duration, grouped


def check(run: Run) -> Iterator[Finding]:
    events = [event for event in run.events if event.kind == "gap"]
    if not events or run.interval_seconds is None:
        return
    intervals = pd.Series(run.main_intervals.seconds, index=run.axis(run.main_group))
    missing = duration(round(sum(event.end_ms - event.start_ms for event in events) / 1000))
    longest = max(events, key=lambda event: event.end_ms - event.start_ms)
    count = "One gap" if len(events) == 1 else f"{grouped(len(events))} gaps"
    yield Finding(
        "gaps", Severity.INFO, "data", "samples", events[0].start_ms, events[-1].end_ms,
        f"{count} without samples, {missing} in all: nothing is known of that time.",
        Evidence(
            "Time between samples", "s", GAP * run.interval_seconds, intervals,
            (longest.end_ms - longest.start_ms) / 1000, longest.end_ms,
        ),
    )  # fmt: skip

"""
A clock that nothing kept right, or that was set in leaps.

node-mixin tells of a clock that is not synchronised after ten minutes. A leap of a second or more is worth a finding (a
limit of our own): logs and certificates of two machines no longer agree; less is what a service does after a boot.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import duration, three_digits
from appliance.hardware_metrics import CLOCK_SYNCHRONISED
from appliance.metrics import UPTIME_SECONDS

LEAP_SECONDS, UNSET_SECONDS = 1.0, 600.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    unset = 1 - only(run.values(CLOCK_SYNCHRONISED), "")
    watched = Watched("Clock not kept right", "1 is yes", unset, run.seconds(CLOCK_SYNCHRONISED))
    for episode in episodes(unset, watched.seconds, 1, 1, limits["unset_seconds"]):
        sentence = f"No other clock kept this one right for {duration(episode.seconds)}."
        yield rule.found("clock", episode, watched, sentence, 1.0)
    yield from leaps(rule, run, limits)


def leaps(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    """Find where the time between two samples was not what went by on the clock that nobody sets."""
    index = run.axis(run.main_group)
    at_ms = index.to_numpy()
    wall = pd.Series(at_ms, index=index).diff() / 1000
    by = (wall - run.main_intervals.seconds).where(run.main_intervals.steps)
    for at in by.index[by.abs() >= limits["leap_seconds"]]:
        way = "forward" if by[at] > 0 else "back"
        yield Finding(
            rule.id, rule.severity, rule.resource, "clock", int(at - wall[at] * 1000), int(at),
            f"The clock was set {way} by {three_digits(abs(by[at]))} s.",
            Evidence("Clock set", "s", limits["leap_seconds"], by, float(by[at]), int(at)),
        )  # fmt: skip


RULE = Rule(
    id="clock",
    title="Clock not kept right",
    severity=Severity.MEDIUM,
    resource="system",
    needs=((CLOCK_SYNCHRONISED,), (UPTIME_SECONDS,)),
    limits={"leap_seconds": LEAP_SECONDS, "unset_seconds": UNSET_SECONDS},
    meaning="The time service did not run or reached no server, somebody set the clock, or the machine was paused.",
    next_steps=(
        "See whether it is kept right: timedatectl, chronyc tracking",
        "See what the time service said: journalctl -u chrony -u chronyd -u systemd-timesyncd",
    ),
    check=check,
)

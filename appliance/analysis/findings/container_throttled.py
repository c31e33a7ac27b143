"""
A container held back by its CPU quota.

Held back in a quarter of its periods, a container waits for the quota and not for the machine: the share at which the
rule sets for Kubernetes (kubernetes-mixin's CPUThrottlingHigh) alert.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import container_throttled, only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import cpus, grouped
from appliance.metrics import CONTAINER_PERIOD, CONTAINER_PERIODS, CONTAINER_QUOTA, CONTAINER_THROTTLED
from appliance.process_metrics import PROCESS_CPU

THROTTLED_PERCENT, CALM_PERCENT, LEAST_SECONDS = 25.0, 10.0, 60.0
TITLE, UNIT = "Periods held back", "% of its periods"


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    throttled, seconds = container_throttled(run), run.seconds(CONTAINER_PERIODS)
    for container in throttled.columns:
        share = throttled[container]
        watched, name = Watched(TITLE, UNIT, share, seconds), container_name(run, container)
        found = False
        for episode in episodes(share, seconds, limits["enter"], limits["leave"], limits["seconds"]):
            found = True
            sentence = (
                f"The container was held back in {episode.mean:.0f} % of its periods by its quota"
                f"{quota(run, container)}."
            )
            yield rule.found(name, episode, watched, sentence, limits["enter"])
        if not found and share.max() > 0:
            yield seldom(rule, run, container, share, limits["enter"])


def seldom(rule: Rule, run: Run, container: str, share: pd.Series, limit: float) -> Finding:
    """Say how often a container was held back that never was for long: here, and since it was started."""
    above = share[share > 0]
    here, periods = (run.totals(metric)[container] for metric in (CONTAINER_THROTTLED, CONTAINER_PERIODS))
    ever, lived = (
        run.values(metric)[container].dropna().iloc[-1] for metric in (CONTAINER_THROTTLED, CONTAINER_PERIODS)
    )
    return Finding(
        rule.id, Severity.INFO, rule.resource, container_name(run, container),
        int(above.index[0]), int(above.index[-1]),
        f"The container was held back in {grouped(here)} of {grouped(periods)} periods by its quota"
        f"{quota(run, container)}; in {grouped(ever)} of {grouped(lived)} since it was started.",
        Evidence(TITLE, UNIT, limit, share, float(above.max()), int(above.idxmax())),
    )  # fmt: skip


def quota(run: Run, container: str) -> str:
    """Say how much CPU time a container may use, where it was recorded."""
    allowed = only(run.values(CONTAINER_QUOTA) / run.values(CONTAINER_PERIOD), container).max()
    return f" of {cpus(allowed)}" if allowed > 0 else ""


def container_name(run: Run, container: str) -> str:
    """Return what people call a container: its name where it is known, else the first twelve digits of its id."""
    return str(run.facts.get(f"container/{container}", {}).get("name") or container[:12])


RULE = Rule(
    id="container-throttled",
    title="Container held back by its CPU quota",
    severity=Severity.HIGH,
    resource="container",
    needs=((CONTAINER_PERIODS, CONTAINER_THROTTLED),),
    limits={"enter": THROTTLED_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS},
    meaning="The container wanted more CPU time than it may use: it stood still while the machine may have been idle.",
    next_steps=(
        "See its quota and how often it was held back: cat /sys/fs/cgroup/.../cpu.max, .../cpu.stat",
        "Raise the quota (docker update --cpus=N NAME; Kubernetes: limits.cpu), or let it run fewer threads.",
    ),
    check=check,
    who=(PROCESS_CPU,),
)

"""
A container held back by its CPU quota.

Held back in a quarter of its periods, a container waits for the quota and not for the machine: the share at which the
rule sets for Kubernetes (kubernetes-mixin's CPUThrottlingHigh) alert.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import container_throttled, only
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.run import Run
from appliance.analysis.wording import cpus, grouped
from appliance.metrics import CONTAINER_PERIOD, CONTAINER_PERIODS, CONTAINER_QUOTA, CONTAINER_THROTTLED

THROTTLED_PERCENT, CALM_PERCENT = 25.0, 10.0
TITLE, UNIT = "Periods held back", "% of its periods"


def check(run: Run) -> Iterator[Finding]:
    if not run.has(CONTAINER_PERIODS, CONTAINER_THROTTLED):
        return
    throttled, seconds = container_throttled(run), run.seconds(CONTAINER_PERIODS)
    for container in throttled.columns:
        share = throttled[container]
        held = list(episodes(share, seconds, THROTTLED_PERCENT, CALM_PERCENT))
        for episode in held:
            yield Finding(
                "container-throttled", Severity.HIGH, "container", container_name(run, container),
                episode.start_ms, episode.end_ms,
                f"The container was held back in {episode.mean:.0f} % of its periods by its quota"
                f"{quota(run, container)}.",
                episode.evidence(share, TITLE, UNIT, THROTTLED_PERCENT),
            )  # fmt: skip
        if not held and share.max() > 0:
            yield seldom(run, container, share)


def seldom(run: Run, container: str, share: pd.Series) -> Finding:
    """Say how often a container was held back that never was for long: here, and since it was started."""
    above = share[share > 0]
    here, periods = (run.totals(metric)[container] for metric in (CONTAINER_THROTTLED, CONTAINER_PERIODS))
    ever, lived = (
        run.values(metric)[container].dropna().iloc[-1] for metric in (CONTAINER_THROTTLED, CONTAINER_PERIODS)
    )
    return Finding(
        "container-throttled", Severity.INFO, "container", container_name(run, container),
        int(above.index[0]), int(above.index[-1]),
        f"The container was held back in {grouped(here)} of {grouped(periods)} periods by its quota"
        f"{quota(run, container)}; in {grouped(ever)} of {grouped(lived)} since it was started.",
        Evidence(TITLE, UNIT, THROTTLED_PERCENT, share, float(above.max()), int(above.idxmax())),
    )  # fmt: skip


def quota(run: Run, container: str) -> str:
    """Say how much CPU time a container may use, where it was recorded."""
    allowed = only(run.values(CONTAINER_QUOTA) / run.values(CONTAINER_PERIOD), container).max()
    return f" of {cpus(allowed)}" if allowed > 0 else ""


def container_name(run: Run, container: str) -> str:
    """Return what people call a container: its name where it is known, else the first twelve digits of its id."""
    return str(run.facts.get(f"container/{container}", {}).get("name") or container[:12])

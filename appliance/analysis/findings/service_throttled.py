"""
A service held back by its CPU quota.

Held back in a quarter of its periods it waits for the quota and not for the machine, as kubernetes-mixin's
CPUThrottlingHigh has it for containers.
"""

from collections.abc import Iterator

from appliance.analysis.derived import PERCENT, only
from appliance.analysis.findings.container_throttled import CALM_PERCENT, LEAST_SECONDS, THROTTLED_PERCENT
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import cpus
from appliance.cgroup_metrics import CGROUP_PERIOD, CGROUP_PERIODS, CGROUP_QUOTA, CGROUP_THROTTLED
from appliance.process_metrics import PROCESS_CPU


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    periods, held, seconds = run.deltas(CGROUP_PERIODS), run.deltas(CGROUP_THROTTLED), run.seconds(CGROUP_PERIODS)
    for group in held.columns:
        share = PERCENT * held[group] / only(periods, group).where(lambda number: number > 0)
        watched = Watched("Periods held back", "% of its periods", share.where(seconds.notna()), seconds)
        for episode in episodes(watched.series, seconds, limits["enter"], limits["leave"], limits["seconds"]):
            allowed = only(run.values(CGROUP_QUOTA) / run.values(CGROUP_PERIOD), group).max()
            quota = f" of {cpus(allowed)}" if allowed > 0 else ""
            sentence = f"The service was held back in {episode.mean:.0f} % of its periods by its quota{quota}."
            yield rule.found(group, episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="service-throttled",
    title="Service held back by its CPU quota",
    severity=Severity.HIGH,
    resource="container",
    needs=((CGROUP_PERIODS, CGROUP_THROTTLED),),
    limits={"enter": THROTTLED_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS},
    meaning="The service wanted more CPU time than it may use: it stood still while the machine may have been idle.",
    next_steps=(
        "See its quota: systemctl show -p CPUQuotaPerSecUSec UNIT",
        "See how often it was held back: systemd-cgtop, cat /sys/fs/cgroup/.../cpu.stat",
        "Raise the quota (systemctl set-property UNIT CPUQuota=N%), or let it run fewer threads.",
    ),
    check=check,
    who=(PROCESS_CPU,),
)

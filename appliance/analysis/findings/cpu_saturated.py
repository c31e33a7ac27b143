"""
All CPUs busy.

Above 90 % busy the next task usually finds no free CPU: public rule sets (node-mixin, PCP's pmieconf) warn there.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_count, cpu_seconds, cpu_shares
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.run import Run

BUSY_PERCENT, CALM_PERCENT = 90.0, 80.0


def check(run: Run) -> Iterator[Finding]:
    shares = cpu_shares(run)
    who, their = ("The CPU was", "its") if cpu_count(run) == 1 else ("All CPUs together were", "their")
    for episode in episodes(shares["busy"], cpu_seconds(run), BUSY_PERCENT, CALM_PERCENT):
        within = shares.loc[episode.series.index].mean()
        programs = within[["user", "nice"]].sum()
        yield Finding(
            "cpu-saturated", Severity.HIGH, "cpu", "CPU", episode.start_ms, episode.end_ms,
            f"{who} {episode.mean:.0f} % busy, {programs:.0f} % of {their} time in programs.",
            episode.evidence(shares["busy"], "CPU busy", "% of all CPU time", BUSY_PERCENT),
        )  # fmt: skip

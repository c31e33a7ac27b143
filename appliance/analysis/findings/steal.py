"""
CPU time that the hypervisor gave to others.

Netdata warns above 10 % for 20 minutes; a little steal on a busy shared host is worth a line, because no change on
this machine can mend it.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_seconds, cpu_shares
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped, three_digits

STEAL_PERCENT, CALM_PERCENT = 10.0, 5.0


def check(run: Run) -> Iterator[Finding]:
    stolen, seconds = cpu_shares(run)["steal"], cpu_seconds(run)
    title, unit = "CPU time stolen", "% of all CPU time"
    found = False
    for episode in episodes(stolen, seconds, STEAL_PERCENT, CALM_PERCENT):
        found = True
        yield Finding(
            "steal", Severity.HIGH, "cpu", "CPU", episode.start_ms, episode.end_ms,
            f"The hypervisor took {episode.mean:.0f} % of the CPU time for others.",
            episode.evidence(stolen, title, unit, STEAL_PERCENT),
        )  # fmt: skip
    above = stolen[stolen > 0]
    if len(above) and not found:
        yield Finding(
            "steal", Severity.INFO, "cpu", "CPU", int(above.index[0]), int(above.index[-1]),
            f"The hypervisor took CPU time for others in {grouped(len(above))} of {grouped(stolen.notna().sum())} "
            f"intervals, {three_digits(above.max())} % at most.",
            Evidence(title, unit, STEAL_PERCENT, stolen, float(above.max()), int(above.idxmax())),
        )  # fmt: skip

"""
CPU time that the hypervisor gave to others.

Netdata warns above 10 % for 20 minutes; two minutes are taken here, because the time is shown. A little steal on a
busy shared host is worth a line, because no change on this machine can mend it.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_seconds
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.findings.shares import all_cpus
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped, three_digits
from appliance.metrics import CPU_SHARES, CPU_STEAL
from appliance.process_metrics import PROCESS_CPU

STEAL_PERCENT, CALM_PERCENT, LEAST_SECONDS = 10.0, 5.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    stolen = all_cpus(run)["steal"]
    watched = Watched("CPU time stolen", "% of all CPU time", stolen, cpu_seconds(run))
    found = False
    for episode in episodes(stolen, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        found = True
        sentence = f"The hypervisor took {episode.mean:.0f} % of the CPU time for others."
        yield rule.found("CPU", episode, watched, sentence, limits["enter"])
    above = stolen[stolen > 0]
    if len(above) and not found:
        yield Finding(
            rule.id, Severity.INFO, "cpu", "CPU", int(above.index[0]), int(above.index[-1]),
            f"The hypervisor took CPU time for others in {grouped(len(above))} of {grouped(stolen.notna().sum())} "
            f"intervals, {three_digits(above.max())} % at most.",
            Evidence(
                watched.title, watched.unit, limits["enter"], stolen, float(above.max()), int(above.idxmax())
            ),
        )  # fmt: skip


RULE = Rule(
    id="steal",
    title="CPU time taken by the hypervisor",
    severity=Severity.HIGH,
    resource="cpu",
    needs=((CPU_STEAL,), (CPU_SHARES["steal"],)),
    limits={"enter": STEAL_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS},
    meaning="The host had more work than CPUs, or this machine had used up the CPU time that it is sold.",
    next_steps=(
        "Watch it: vmstat 5 (column st)",
        "See the CPU credits or the share of this machine type in the console of the cloud.",
        "Ask for another host, or take a machine type with CPUs of its own.",
    ),
    check=check,
    who=(PROCESS_CPU,),
)

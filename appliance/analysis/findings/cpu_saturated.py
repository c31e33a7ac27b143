"""
All CPUs busy.

Above 90 % busy the next task usually finds no free CPU: public rule sets (node-mixin, PCP's pmieconf) warn there.
They wait for 15 minutes; two are taken here, because the time is shown and a reader judges by it.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_count, cpu_seconds
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.findings.shares import all_cpus
from appliance.analysis.run import Run
from appliance.metrics import CPU_IDLE, CPU_SHARES
from appliance.process_metrics import PROCESS_CPU

BUSY_PERCENT, CALM_PERCENT, LEAST_SECONDS = 90.0, 80.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    shares = all_cpus(run)
    watched = Watched("CPU busy", "% of all CPU time", shares["busy"], cpu_seconds(run))
    who, their = ("The CPU was", "its") if cpu_count(run) == 1 else ("All CPUs together were", "their")
    for episode in episodes(watched.series, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        within = shares.loc[episode.series.index].mean()
        programs = within[["user", "nice"]].sum()
        sentence = f"{who} {episode.mean:.0f} % busy, {programs:.0f} % of {their} time in programs."
        yield rule.found("CPU", episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="cpu-saturated",
    title="All CPUs busy",
    severity=Severity.HIGH,
    resource="cpu",
    needs=((CPU_IDLE,), (CPU_SHARES["idle"], CPU_SHARES["user"])),
    limits={"enter": BUSY_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS},
    meaning="There was more work than CPUs, or a program ran in a loop: other tasks waited for their turn.",
    next_steps=(
        "See which processes used the CPU time: top -o %CPU, pidstat -u 5",
        "See where one of them spends it: perf top -p PID",
        "If the work is wanted: move it to a quieter hour, lower its priority (nice), or add CPUs.",
    ),
    check=check,
    who=(PROCESS_CPU,),
)

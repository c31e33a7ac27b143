"""
More tasks ready to run than CPUs.

Above two per CPU node-mixin warns (load1 for 15 minutes; load counts tasks that wait for disks too, so the tasks that
run or are ready are taken). The reader itself runs in each sample: it is left out.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_count, only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import TASKS_RUNNING
from appliance.process_metrics import PROCESS_CPU

TASKS_PER_CPU, CALM_TASKS_PER_CPU, LEAST_SECONDS = 2.0, 1.3, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    cpus = cpu_count(run)
    per_cpu = (only(run.values(TASKS_RUNNING), "") - 1) / cpus
    watched = Watched("Tasks running or ready", "tasks per CPU", per_cpu, run.seconds(TASKS_RUNNING))
    for episode in episodes(per_cpu, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        if episode.mean < limits["enter"]:
            continue
        which = "the CPU" if cpus == 1 else f"{cpus} CPUs"
        sentence = f"{three_digits(episode.mean * cpus)} tasks ran or were ready to run on {which} on average."
        yield rule.found("run queue", episode, watched, sentence, limits["enter"])


def no_cpus(run: Run) -> str:
    return "" if cpu_count(run) else "the number of CPUs was not recorded"


RULE = Rule(
    id="run-queue",
    title="More tasks ready than CPUs",
    severity=Severity.MEDIUM,
    resource="cpu",
    needs=((TASKS_RUNNING,),),
    limits={"enter": TASKS_PER_CPU, "leave": CALM_TASKS_PER_CPU, "seconds": LEAST_SECONDS},
    meaning="Tasks stood in line for a CPU: each of them took longer than its work.",
    next_steps=(
        "Watch it: vmstat 5 (column r)",
        "See which tasks were ready: top -H, ps -eLo state,pid,comm | grep ^R",
        "See whether many were started at once by one program or by cron.",
    ),
    check=check,
    who=(PROCESS_CPU,),
    hindrance=no_cpus,
)

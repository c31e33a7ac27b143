"""
One CPU's worth of work while other CPUs idle.

A CPU above 95 % has no room left (PCP's pmieconf takes the same); the machine as a whole must be below 90 %, or it is
the machine that is saturated, and the idlest CPU below 50 %, or there is no room beside it. The scheduler moves a
thread between CPUs, so that in an interval of seconds none of them looks full: then the CPUs together used the time of
one, no more and no less, and one of them was full in a tenth of the intervals
(in a fifth in two recordings of a single thread). That is how a single busy thread looks; which
thread it was, or whether it was one, the counters of CPUs do not say.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from appliance.analysis.derived import cpu_count, cpu_seconds
from appliance.analysis.findings.cpu_saturated import BUSY_PERCENT
from appliance.analysis.findings.episodes import Episode, Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.findings.shares import all_cpus, busy_by_cpu
from appliance.analysis.run import Run
from appliance.metrics import ALL_CPUS, CPU_IDLE
from appliance.process_metrics import PROCESS_CPU

CORE_PERCENT, CALM_PERCENT, LEAST_SECONDS = 95.0, 85.0, 120.0
IDLE_PERCENT, FULL_SHARE = 50.0, 0.1
ONE_CPU_PERCENT = (92.0, 97.0, 115.0)
"""All CPUs together, of one CPU: at least, reached, at most. What is above 100 is the rest of the system."""


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    by_cpu = busy_by_cpu(run)
    every, seconds = all_cpus(run)["busy"], cpu_seconds(run)
    room = every < BUSY_PERCENT
    which = "both" if by_cpu.shape[1] == 2 else f"all {by_cpu.shape[1]}"
    fixed: list[Episode] = []
    for cpu in by_cpu.columns:
        watched = Watched(f"CPU {cpu} busy", "% of this CPU's time", by_cpu[cpu].where(room), seconds)
        for episode in episodes(watched.series, seconds, limits["enter"], limits["leave"], limits["seconds"]):
            within = by_cpu.loc[episode.series.index].mean()
            if within.min() > limits["idle"]:
                continue
            fixed.append(episode)
            sentence = (
                f"One core was saturated, {episode.mean:.0f} % busy, while the average of {which} was "
                f"{every.loc[episode.series.index].mean():.0f} %."
            )
            yield rule.found(f"CPU {cpu}", episode, watched, sentence, limits["enter"])
    yield from moving(rule, by_cpu, every, seconds, which, fixed, limits)


def moving(
    rule: Rule, by_cpu: pd.DataFrame, every: pd.Series, seconds: pd.Series, which: str, fixed: list[Episode],
    limits: Limits,
) -> Iterator[Finding]:  # fmt: skip
    """Find the work of one CPU that moved between several."""
    least, reached, most = ONE_CPU_PERCENT
    together = by_cpu.sum(axis=1, min_count=2)
    busiest = np.fmax.reduce(by_cpu.to_numpy(), axis=1)
    if not (busiest >= limits["enter"]).any():
        return
    watched = Watched("All CPUs together", "% of one CPU", together, seconds)
    for episode in episodes(together.where(together <= most), seconds, reached, least, limits["seconds"]):
        share = np.mean(busiest[episode.rows] >= limits["enter"])
        known = any(one.start_ms < episode.end_ms and episode.start_ms < one.end_ms for one in fixed)
        if share >= FULL_SHARE and not known:
            sentence = (
                f"One core was saturated, likely by one thread that moved: all CPUs together used "
                f"{episode.mean:.0f} % of one while the average of {which} was "
                f"{every.loc[episode.series.index].mean():.0f} %."
            )
            yield rule.found("one core", episode, watched, sentence, reached)


def one_cpu(run: Run) -> str:
    if cpu_count(run) == 1:
        return "the machine has one CPU"
    counted = [cpu for cpu in run.instances(CPU_IDLE) if cpu != ALL_CPUS]
    return "" if len(counted) > 1 else "CPU time was not recorded by CPU"


RULE = Rule(
    id="core-saturated",
    title="One core saturated while others idled",
    severity=Severity.MEDIUM,
    resource="cpu",
    needs=((CPU_IDLE,),),
    limits={"enter": CORE_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS, "idle": IDLE_PERCENT},
    meaning="A single thread was usually the limit: a program that does one piece of its work after another, or "
    "interrupts that all went to one CPU.",
    next_steps=(
        "See which thread it was: top -H, pidstat -t -u 5",
        "See whether interrupts stayed on one CPU: mpstat -P ALL -I SUM 5, cat /proc/interrupts",
        "See whether the program can be told to use more threads or processes.",
    ),
    check=check,
    who=(PROCESS_CPU,),
    hindrance=one_cpu,
)

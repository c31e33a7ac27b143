"""
One CPU's worth of work while other CPUs idle: a single thread is the limit, and more CPUs would hardly help.

A CPU above 95 % has no room left (PCP's pmieconf takes the same); the machine as a whole must be below 90 %, or it is
the machine that is saturated. The scheduler moves a thread between CPUs, so that in an interval of seconds none of
them looks full: then the CPUs together were busy for one CPU's time, no more and no less, and one of them was full in
some interval.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import cpu_busy_by_cpu, cpu_seconds, cpu_shares
from appliance.analysis.findings.cpu_saturated import BUSY_PERCENT
from appliance.analysis.findings.episodes import Episode, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.run import Run

CORE_PERCENT, CALM_PERCENT = 95.0, 85.0
ONE_THREAD_PERCENT = (92.0, 97.0, 115.0)
"""All CPUs together, of one CPU: at least, reached, at most. What is above 100 is the rest of the system."""


def check(run: Run) -> Iterator[Finding]:
    by_cpu = cpu_busy_by_cpu(run)
    if by_cpu.shape[1] < 2:
        return
    every, seconds = cpu_shares(run)["busy"], cpu_seconds(run)
    busiest = by_cpu.max(axis=1).where(every < BUSY_PERCENT)
    fixed = list(episodes(busiest, seconds, CORE_PERCENT, CALM_PERCENT))
    for episode in fixed:
        cpu = by_cpu.loc[episode.series.index].idxmax(axis=1).mode().iloc[0]
        yield finding(
            episode,
            busiest,
            f"CPU {cpu}",
            f"One core was saturated, {episode.mean:.0f} % busy,",
            every,
            by_cpu.shape[1],
            "Busiest CPU",
        )
    least, reached, most = ONE_THREAD_PERCENT
    together = by_cpu.sum(axis=1, min_count=2)
    for episode in episodes(together.where(together <= most), seconds, reached, least):
        full = busiest.loc[episode.series.index].max() >= CORE_PERCENT
        known = any(one.start_ms < episode.end_ms and episode.start_ms < one.end_ms for one in fixed)
        if full and not known:
            used = f"all CPUs together used {episode.mean:.0f} % of one"
            what = f"One core was saturated, likely by one thread that moved: {used}"
            yield finding(episode, together, "one core", what, every, by_cpu.shape[1], "All CPUs together")


def finding(
    episode: Episode, series: pd.Series, subject: str, what: str, every: pd.Series, cpus: int, title: str
) -> Finding:
    average = every.loc[episode.series.index].mean()
    which = "both" if cpus == 2 else f"all {cpus}"
    return Finding(
        "core-saturated", Severity.MEDIUM, "cpu", subject, episode.start_ms, episode.end_ms,
        f"{what} while the average of {which} was {average:.0f} %.",
        episode.evidence(series, title, "% of one CPU", CORE_PERCENT),
    )  # fmt: skip

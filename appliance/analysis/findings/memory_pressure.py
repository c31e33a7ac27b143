"""
Tasks that waited for memory, as the kernel's pressure stall information counts it.

No public rule set has limits for it: a task waited 20 % of the time, or all of them 10 %, for two minutes is a
proposal of our own, tried on the labelled cases of the tests. A machine with memory to spare shows 0.
"""

from collections.abc import Iterator

from appliance.analysis.derived import only, share_of_time
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.metrics import MEMORY_STALLED, MEMORY_WAITING
from appliance.process_metrics import PROCESS_MEMORY

WAITING_PERCENT, CALM_PERCENT, STALLED_PERCENT, LEAST_SECONDS = 20.0, 10.0, 10.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    waited, stalled = (only(share_of_time(run, metric), "") for metric in (MEMORY_WAITING, MEMORY_STALLED))
    watched = Watched("Waited for memory", "% of time", waited, run.seconds(MEMORY_WAITING))
    for episode in episodes(waited, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        every = stalled.reindex(episode.series.index).mean()
        severe = every >= limits["stalled"]
        more = f", and all of them {every:.0f} %" if severe else ""
        sentence = f"Tasks waited for memory {episode.mean:.0f} % of the time{more}."
        severity = Severity.CRITICAL if severe else rule.severity
        yield rule.found("memory", episode, watched, sentence, limits["enter"], severity)


RULE = Rule(
    id="memory-pressure",
    title="Tasks waited for memory",
    severity=Severity.HIGH,
    resource="memory",
    needs=((MEMORY_WAITING,),),
    limits={
        "enter": WAITING_PERCENT, "leave": CALM_PERCENT, "stalled": STALLED_PERCENT, "seconds": LEAST_SECONDS,
    },
    meaning="Programs together used more memory than there is: the kernel took it from one to give it to another.",
    next_steps=(
        "Watch it: cat /proc/pressure/memory, vmstat 5",
        "See who holds most: ps -eo rss,pid,comm --sort=-rss | head",
        "Lower what the biggest programs may take, or add memory.",
    ),
    check=check,
    who=(PROCESS_MEMORY,),
)  # fmt: skip

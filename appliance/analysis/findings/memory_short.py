"""
Little memory left that programs could get.

Netdata warns when less than 10 % of memory is available, and calls 5 % critical. File cache counts as available: a
cache that fills the memory is no shortage.
"""

from collections.abc import Iterator

from appliance.analysis.derived import PERCENT, memory_used
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import MEMORY_AVAILABLE, MEMORY_TOTAL
from appliance.process_metrics import PROCESS_MEMORY

USED_PERCENT, CALM_PERCENT, CRITICAL_PERCENT, LEAST_SECONDS = 90.0, 88.0, 95.0, 300.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    used = memory_used(run)["percent"]
    watched = Watched("Memory used", "% of memory", used, run.seconds(MEMORY_AVAILABLE))
    for episode in episodes(used, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        left = three_digits(PERCENT - episode.series.max())
        severity = Severity.HIGH if episode.mean >= limits["critical"] else rule.severity
        sentence = f"Programs used {episode.mean:.0f} % of the memory on average, and {left} % was left at the least."
        yield rule.found("memory", episode, watched, sentence, limits["enter"], severity)


RULE = Rule(
    id="memory-short",
    title="Little memory left",
    severity=Severity.MEDIUM,
    resource="memory",
    needs=((MEMORY_TOTAL, MEMORY_AVAILABLE),),
    limits={
        "enter": USED_PERCENT, "leave": CALM_PERCENT, "critical": CRITICAL_PERCENT, "seconds": LEAST_SECONDS,
    },
    meaning="Programs held nearly all memory: little was left for a peak and for the file cache.",
    next_steps=(
        "See who holds most: ps -eo rss,pid,comm --sort=-rss | head",
        "See whether one of them grows without end: look at its memory over days.",
        "Lower what the biggest programs may take, or add memory.",
    ),
    check=check,
    who=(PROCESS_MEMORY,),
)  # fmt: skip

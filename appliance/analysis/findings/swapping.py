"""
Swap active: memory goes out to a disk and comes back.

What hurts is not swap that is occupied but pages that go in and out: 100 pages a second are some 0.4 MB/s that
programs wait for (a limit of our own; PCP's pmieconf asks for 5 pages a second out, which an idle machine reaches when
it puts away what nobody uses). Pages that only go out are such a putting away: some must come back.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.metrics import SWAPPED_IN, SWAPPED_OUT
from appliance.process_metrics import PROCESS_FAULTS

PAGES_PER_SECOND, CALM_PER_SECOND, LEAST_SECONDS = 100.0, 20.0, 60.0
LEAST_BACK_SHARE = 0.05


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    back = only(run.rates(SWAPPED_IN), "")
    moved: pd.Series = back + only(run.rates(SWAPPED_OUT), "")
    watched = Watched("Pages swapped in and out", "pages/s", moved, run.seconds(SWAPPED_IN))
    for episode in episodes(moved, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        if back.loc[episode.series.index].mean() >= LEAST_BACK_SHARE * episode.mean:
            sentence = f"Memory was swapped in and out at {grouped(episode.mean)} pages a second."
            yield rule.found("swap", episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="swapping",
    title="Swap active",
    severity=Severity.HIGH,
    resource="memory",
    needs=((SWAPPED_IN, SWAPPED_OUT),),
    limits={"enter": PAGES_PER_SECOND, "leave": CALM_PER_SECOND, "seconds": LEAST_SECONDS},
    meaning="Programs together used more memory than there is, so that they waited for what had been put on a disk.",
    next_steps=(
        "Watch it: vmstat 5 (columns si and so)",
        "See who is in swap: smem -s swap, grep VmSwap /proc/[0-9]*/status",
        "Lower what the biggest programs may take, or add memory.",
    ),
    check=check,
    who=(PROCESS_FAULTS,),
)

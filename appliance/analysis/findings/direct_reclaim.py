"""
Programs that had to free memory themselves before they got any.

The kernel frees memory beside the programs (kswapd); where it cannot keep up, each program that asks must do it, and
waits. A thousand pages a second, 4 MB/s, for a minute is a limit of our own: public rule sets have none, and a single
burst when a large file is read is usual.
"""

from collections.abc import Iterator

from appliance.analysis.derived import only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.metrics import SCANNED_DIRECT
from appliance.process_metrics import PROCESS_FAULTS

PAGES_PER_SECOND, CALM_PER_SECOND, LEAST_SECONDS = 1000.0, 300.0, 60.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    scanned = only(run.rates(SCANNED_DIRECT), "")
    watched = Watched("Pages that programs had to look at", "pages/s", scanned, run.seconds(SCANNED_DIRECT))
    for episode in episodes(scanned, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        sentence = f"Programs looked at {grouped(episode.mean)} pages a second to free memory before they got any."
        yield rule.found("memory", episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="direct-reclaim",
    title="Programs had to free memory themselves",
    severity=Severity.HIGH,
    resource="memory",
    needs=((SCANNED_DIRECT,),),
    limits={"enter": PAGES_PER_SECOND, "leave": CALM_PER_SECOND, "seconds": LEAST_SECONDS},
    meaning="Memory was wanted faster than the kernel could free it: programs stood still for moments each time.",
    next_steps=(
        "Watch it: sar -B 5 (pgscand/s), grep -E 'pgscan_direct|allocstall' /proc/vmstat",
        "See who holds most: ps -eo rss,pid,comm --sort=-rss | head",
        "See how much the kernel keeps free: sysctl vm.min_free_kbytes vm.watermark_scale_factor",
    ),
    check=check,
    who=(PROCESS_FAULTS,),
)

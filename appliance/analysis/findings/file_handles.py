"""
Nearly as many open files as the kernel allows.

Above 70 % node-mixin warns, above 90 % it is critical.
"""

from collections.abc import Iterator

from appliance.analysis.derived import PERCENT, only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped
from appliance.hardware_metrics import FILES_MAX, FILES_OPEN
from appliance.metrics import Metric
from appliance.process_metrics import PROCESS_FILES

WARN_PERCENT, CALM_PERCENT, CRITICAL_PERCENT, LEAST_SECONDS = 70.0, 65.0, 90.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    yield from near_limit(rule, run, limits, (FILES_OPEN, FILES_MAX), ("files", "files were open", "Files open"))


def near_limit(
    rule: Rule, run: Run, limits: Limits, metrics: tuple[Metric, Metric], words: tuple[str, str, str]
) -> Iterator[Finding]:
    """Find what of the whole machine was near a limit of the kernel."""
    now, most = (only(run.values(metric), "") for metric in metrics)
    subject, what, title = words
    share = PERCENT * now / most.where(most > 0)
    watched = Watched(title, "% of the limit", share, run.seconds(metrics[0]))
    for episode in episodes(share, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        at = episode.series.idxmax()
        severity = Severity.CRITICAL if episode.series.max() >= limits["critical"] else rule.severity
        sentence = (
            f"{grouped(now[at])} {what} at most, {episode.series.max():.0f} % of the {grouped(most[at])} allowed."
        )
        yield rule.found(subject, episode, watched, sentence, limits["enter"], severity)


RULE = Rule(
    id="file-handles",
    title="Nearly out of file handles",
    severity=Severity.HIGH,
    resource="system",
    needs=((FILES_OPEN, FILES_MAX),),
    limits={
        "enter": WARN_PERCENT, "leave": CALM_PERCENT, "critical": CRITICAL_PERCENT, "seconds": LEAST_SECONDS,
    },
    meaning="A program opened files or sockets without closing them, or the limit is low for what the machine does.",
    next_steps=(
        "See who has most: for p in /proc/[0-9]*; do echo $(ls $p/fd | wc -l) $(cat $p/comm); done | sort -n | tail",
        "Raise the limit: sysctl -w fs.file-max=N",
    ),
    check=check,
    who=(PROCESS_FILES,),
)  # fmt: skip

"""
TCP segments that had to be sent again.

A healthy network of one house sends less than one in a thousand again, a distant one about one in a hundred. From 3 %
for two minutes, and at least twenty segments a second, users notice: a limit of our own, no public rule set has one.
"""

from collections.abc import Iterator

from appliance.analysis.derived import PERCENT, only
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.protocol_metrics import TCP_RETRANSMITTED, TCP_SENT

AGAIN_PERCENT, CALM_PERCENT, LEAST_SEGMENTS, LEAST_SECONDS = 3.0, 1.0, 20.0, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    again, sent = (only(run.rates(metric), "") for metric in (TCP_RETRANSMITTED, TCP_SENT))
    share = (PERCENT * again / sent.where(sent > 0)).where(sent >= limits["segments"], 0.0).where(sent.notna())
    watched = Watched("Segments sent again", "% of segments sent", share, run.seconds(TCP_SENT))
    for episode in episodes(share, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        many = again.loc[episode.series.index].mean()
        sentence = f"{three_digits(episode.mean)} % of the TCP segments were sent again, {three_digits(many)} a second."
        yield rule.found("TCP", episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="retransmits",
    title="TCP segments sent again",
    severity=Severity.MEDIUM,
    resource="network",
    needs=((TCP_RETRANSMITTED, TCP_SENT),),
    limits={"enter": AGAIN_PERCENT, "leave": CALM_PERCENT, "segments": LEAST_SEGMENTS, "seconds": LEAST_SECONDS},
    meaning="Packets were lost on the way, here or anywhere on the path, or an answer came too late.",
    next_steps=(
        "See which connections: ss -ti | grep -B1 retrans",
        "See whether this machine drops them: nstat -az | grep -iE 'retrans|drop', ip -s link",
        "See where on the path they are lost: mtr HOST",
    ),
    check=check,
)

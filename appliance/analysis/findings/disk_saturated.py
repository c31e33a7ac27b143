"""
A disk with a queue that its requests wait in.

That a disk is always busy says little: flash disks and arrays do many requests at once. Saturated is a disk at which
requests queue and take long: on average four under way (node-mixin warns at ten, for disks that do many at once) and
20 ms a request, twice what a rotating disk takes for one; below 10 ms nothing waits long, however long the queue.
"""

from collections.abc import Iterator

from appliance.analysis.derived import disk_wait, only
from appliance.analysis.findings.disks import whole_disks
from appliance.analysis.findings.episodes import Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import DISK_READ_TIME, DISK_READS, DISK_WEIGHTED, DISK_WRITE_TIME, DISK_WRITES
from appliance.process_metrics import PROCESS_READ, PROCESS_WRITTEN

QUEUE, CALM_QUEUE, WAIT_SECONDS, CALM_WAIT_SECONDS, LEAST_SECONDS = 4.0, 2.0, 0.020, 0.010, 120.0


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    queues, seconds = run.rates(DISK_WEIGHTED), run.seconds(DISK_WEIGHTED)
    for disk in whole_disks(run):
        queue = only(queues, disk)
        if not (queue >= limits["enter"]).any():
            continue
        wait = only(disk_wait(run), disk)
        # In an interval in which no request ended, they all still wait.
        slow = (wait >= limits["leave_wait_seconds"]) | (wait.isna() & (queue > 0))
        watched = Watched("Requests under way", "requests", queue, seconds)
        both = queue.where(slow | queue.isna(), 0.0)
        for episode in episodes(both, seconds, limits["enter"], limits["leave"], limits["seconds"]):
            took = wait.loc[episode.series.index].mean()
            if took >= limits["wait_seconds"]:
                sentence = (
                    f"{three_digits(episode.mean)} requests were under way on average, and each took "
                    f"{three_digits(took * 1000)} ms."
                )
                yield rule.found(disk, episode, watched, sentence, limits["enter"])


RULE = Rule(
    id="disk-saturated",
    title="Disk with a queue",
    severity=Severity.HIGH,
    resource="disk",
    needs=((DISK_WEIGHTED, DISK_READS, DISK_READ_TIME, DISK_WRITES, DISK_WRITE_TIME),),
    limits={
        "enter": QUEUE, "leave": CALM_QUEUE, "wait_seconds": WAIT_SECONDS, "leave_wait_seconds": CALM_WAIT_SECONDS,
        "seconds": LEAST_SECONDS,
    },
    meaning="More was asked of the disk than it could do: every program that used it waited.",
    next_steps=(
        "Watch it: iostat -xz 5 (aqu-sz, r_await, w_await)",
        "See which process read or wrote: pidstat -d 5, iotop -o",
        "Move the work to a quieter hour or another disk, limit it "
        "(systemctl set-property UNIT IOReadBandwidthMax=...), or take a faster disk.",
    ),
    check=check,
    who=(PROCESS_READ, PROCESS_WRITTEN),
)  # fmt: skip

"""
CPUs idle because tasks wait for slow disks.

Above 40 % of all CPU time for ten minutes Netdata warns; two minutes are taken here, because the disk that was busiest
and what it moved are named beside it, so a backup is told from a fault. A program that reads from a fast disk waits for
it all day and lacks nothing: where disks were recorded, one of them must have taken 5 ms a request, which is what
makers of flash disks and clouds call slow, and a rotating disk takes for a single request.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_count, cpu_seconds, disk_wait
from appliance.analysis.findings.episodes import Episode, Watched, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.findings.shares import all_cpus
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import CPU_IOWAIT, CPU_SHARES, DISK_READ_BYTES, DISK_WRITTEN_BYTES
from appliance.process_metrics import PROCESS_READ, PROCESS_WRITTEN

WAIT_PERCENT, CALM_PERCENT, LEAST_SECONDS = 40.0, 25.0, 120.0
SLOW_SECONDS = 0.005


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    watched = Watched("CPU waiting for disks", "% of all CPU time", all_cpus(run)["iowait"], cpu_seconds(run))
    who, their = ("The CPU", "its") if cpu_count(run) == 1 else ("The CPUs", "their")
    for episode in episodes(watched.series, watched.seconds, limits["enter"], limits["leave"], limits["seconds"]):
        if slow(run, episode, limits["slow_seconds"]):
            sentence = f"{who} waited for disks {episode.mean:.0f} % of {their} time{busiest_disk(run, episode)}."
            yield rule.found("CPU and disks", episode, watched, sentence, limits["enter"])


def slow(run: Run, episode: Episode, seconds: float) -> bool:
    """Say whether a disk was slow, as far as is known: a machine may wait for a disk that it does not count."""
    waits = disk_wait(run).reindex(episode.series.index).mean().dropna()
    return waits.empty or bool(waits.max() >= seconds)


def busiest_disk(run: Run, episode: Episode) -> str:
    """Name the disk that moved most, and how much, in megabytes as clouds and makers of disks count them."""
    moved = run.rates(DISK_READ_BYTES).add(run.rates(DISK_WRITTEN_BYTES), fill_value=0)
    mean = moved.reindex(episode.series.index).mean().dropna()
    if mean.empty or mean.max() <= 0:
        return ""
    # A partition moves what its disk does: of equals the shorter name is the disk.
    disk = min(mean.index, key=lambda name: (-round(mean[name], -3), len(name)))
    peak = moved[disk].loc[episode.series.index].max()
    average, most = (three_digits(rate / 1e6) for rate in (mean[disk], peak))
    return f", while {disk} moved {average} MB/s on average and {most} MB/s at most"


RULE = Rule(
    id="io-wait",
    title="CPUs waiting for slow disks",
    severity=Severity.HIGH,
    resource="disk",
    needs=((CPU_IOWAIT,), (CPU_SHARES["iowait"],)),
    limits={
        "enter": WAIT_PERCENT, "leave": CALM_PERCENT, "seconds": LEAST_SECONDS, "slow_seconds": SLOW_SECONDS,
    },
    meaning="Programs could not go on before a disk had answered: it was slow, at its limit, or asked for very much.",
    next_steps=(
        "See which disk was slow: iostat -xz 5 (r_await, w_await, aqu-sz)",
        "See which process read or wrote: pidstat -d 5, iotop -o",
        "See whether the kernel met errors of the disk: dmesg -T | grep -iE 'error|reset|timeout'",
    ),
    check=check,
    who=(PROCESS_READ, PROCESS_WRITTEN),
)  # fmt: skip

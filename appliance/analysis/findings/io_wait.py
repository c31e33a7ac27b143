"""
CPUs idle because tasks wait for disks.

Above 40 % of all CPU time for ten minutes Netdata warns; a minute is taken here, because the disk that was busiest and
what it moved are named beside it, so a backup is told from a fault.
"""

from collections.abc import Iterator

from appliance.analysis.derived import cpu_count, cpu_seconds, cpu_shares
from appliance.analysis.findings.episodes import Episode, episodes
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import DISK_READ_BYTES, DISK_WRITTEN_BYTES

WAIT_PERCENT, CALM_PERCENT = 40.0, 25.0


def check(run: Run) -> Iterator[Finding]:
    waiting = cpu_shares(run)["iowait"]
    who, their = ("The CPU", "its") if cpu_count(run) == 1 else ("The CPUs", "their")
    for episode in episodes(waiting, cpu_seconds(run), WAIT_PERCENT, CALM_PERCENT):
        yield Finding(
            "io-wait", Severity.HIGH, "disk", "CPU and disks", episode.start_ms, episode.end_ms,
            f"{who} waited for disks {episode.mean:.0f} % of {their} time{busiest_disk(run, episode)}.",
            episode.evidence(waiting, "CPU waiting for disks", "% of all CPU time", WAIT_PERCENT),
        )  # fmt: skip


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

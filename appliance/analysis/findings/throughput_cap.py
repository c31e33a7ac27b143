"""
A disk that moved the same amount every second, all the time with requests waiting: a limit on bytes or requests.

Clouds sell disks and machine types with such a limit; 56 MB/s is one of a small machine. What tells it from steady
work is that the disk was never without a request (90 % busy, one or more under way on average) and that what it moved
stayed within 3 % of one value for two minutes. These are limits of our own, drawn from a recording of such a machine:
under a limit its rate stayed within 1 %, without one it varied by 10 %.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from appliance.analysis.derived import only
from appliance.analysis.findings.disks import whole_disks
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import (
    DISK_BUSY,
    DISK_READ_BYTES,
    DISK_READS,
    DISK_WEIGHTED,
    DISK_WRITES,
    DISK_WRITTEN_BYTES,
)
from appliance.process_metrics import PROCESS_READ, PROCESS_WRITTEN

STEADY = 0.03
LEAST_BYTES, LEAST_REQUESTS = 5e6, 50.0
"""Less a second is no limit that anybody sells."""
BUSY, QUEUE, LEAST_SECONDS = 0.9, 1.0, 120.0
LEAST_SAMPLES = 12
"""Fewer in a row are near to each other by chance now and then."""
ENOUGH = 5
"""Intervals whose median is the value that others are held against."""


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    busy, queue, seconds = run.rates(DISK_BUSY), run.rates(DISK_WEIGHTED), run.seconds(DISK_READ_BYTES)
    for disk in whole_disks(run):
        waited = (only(busy, disk) >= limits["busy"]) & (only(queue, disk) >= limits["queue"])
        if int(waited.sum()) < ENOUGH:
            continue
        capped: list[Finding] = []
        for unit, scale, least, metrics in (
            ("MB/s", 1e6, LEAST_BYTES, (DISK_READ_BYTES, DISK_WRITTEN_BYTES)),
            ("requests/s", 1.0, LEAST_REQUESTS, (DISK_READS, DISK_WRITES)),
        ):
            first, second = (only(run.rates(metric), disk) for metric in metrics)
            moved = (first + second) / scale
            for episode in episodes(level(moved, waited, least / scale, limits), seconds, 1, 1, limits["seconds"]):
                within = moved.loc[episode.series.index]
                low, middle, high = np.percentile(within, (5, 50, 95))
                # Bytes say more: where they stood still, requests did so only because each is as large.
                known = any(one.start_ms < episode.end_ms and episode.start_ms < one.end_ms for one in capped)
                chance = len(within) < limits["samples"]
                if known or chance or high - low > 2 * limits["steady"] * middle:
                    continue
                found = Finding(
                    rule.id, rule.severity, rule.resource, disk, episode.start_ms, episode.end_ms,
                    f"The disk stood at {three_digits(middle)} {unit}, from {three_digits(low)} to "
                    f"{three_digits(high)} in nine of ten intervals, with requests waiting all the time.",
                    Evidence(
                        "Read and written", unit, float(middle), moved, float(within.max()), int(within.idxmax())
                    ),
                )  # fmt: skip
                capped.append(found)
                yield found


def level(moved: pd.Series, waited: pd.Series, least: float, limits: Limits) -> pd.Series:
    """Return 1 where a disk with requests waiting moved what it did in the intervals around, else 0; NaN unknown."""
    usual = moved.rolling(ENOUGH, center=True, min_periods=ENOUGH // 2 + 1).median()
    same = waited & (usual >= least) & ((moved - usual).abs() <= limits["steady"] * usual)
    # Another level is another episode.
    jumped = usual.diff().abs() > 2 * limits["steady"] * usual
    return same.astype("float64").where(moved.notna() & ~(jumped & ~same))


RULE = Rule(
    id="throughput-cap",
    title="Disk at a limit of its throughput",
    severity=Severity.MEDIUM,
    resource="disk",
    needs=((DISK_READ_BYTES, DISK_WRITTEN_BYTES, DISK_READS, DISK_WRITES, DISK_BUSY, DISK_WEIGHTED),),
    limits={
        "steady": STEADY, "busy": BUSY, "queue": QUEUE, "samples": LEAST_SAMPLES, "seconds": LEAST_SECONDS,
    },
    meaning="A limit was reached: that of the disk itself, of its kind of cloud disk, of the machine type, or one that "
    "was set for a service.",
    next_steps=(
        "Compare the value with what the cloud says of this disk and of this machine type.",
        "See which process read or wrote: pidstat -d 5, iotop -o",
        "See whether a service has a limit: systemctl show -p IOReadBandwidthMax -p IOWriteBandwidthMax UNIT",
    ),
    check=check,
    who=(PROCESS_READ, PROCESS_WRITTEN),
)  # fmt: skip

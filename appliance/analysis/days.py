"""Machines day by day: the worst of what was found on each, by resource."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

import numpy as np
import numpy.typing as npt

from appliance.analysis.buckets import edges
from appliance.analysis.findings.finding import SEVERITIES, Finding, Severity

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    """In the report's zone."""
    sampled: bool
    """Whether there is any sample: a day without one is not known, and not clear."""
    worst: Severity | None
    """Of the utilisation, saturation and errors that rules found on this day; None where they found nothing."""
    rules: tuple[str, ...]
    """What found that, by name."""


def days(at_ms: npt.NDArray[np.int64], findings: Sequence[Finding], zone: tzinfo = UTC) -> list[Day]:
    """
    Return every day of a machine from its first sample to its last, with the worst that was found on it.

    `at_ms` are the times of its samples, in order, Unix milliseconds; one of midnight is of the day that begins. A
    finding counts on each day that it touches; one that only informs is no trouble.
    """
    if not len(at_ms):
        return []
    every = edges(int(at_ms[0]) + 1, int(at_ms[-1]) + 1, DAY_SECONDS, zone)
    counts = np.diff(np.searchsorted(at_ms, every, side="left"))
    serious = [finding for finding in findings if finding.severity is not Severity.INFO]
    found = []
    for start_ms, end_ms, count in zip(every[:-1].tolist(), every[1:].tolist(), counts.tolist(), strict=True):
        on_it = [one for one in serious if one.start_ms < end_ms and max(one.end_ms, one.start_ms + 1) > start_ms]
        worst = min((one.severity for one in on_it), key=SEVERITIES.index, default=None)
        day = datetime.fromtimestamp(start_ms / 1000, zone).date()
        found.append(Day(day, count > 0, worst, tuple(sorted({one.rule for one in on_it}))))
    return found

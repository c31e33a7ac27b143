"""What is wrong: one finding per file, each with its thresholds, a check and its evidence."""

from collections.abc import Callable, Iterator

from appliance.analysis.findings import (
    container_throttled,
    core_saturated,
    cpu_saturated,
    filesystem_full,
    gaps,
    io_wait,
    steal,
    swap_used,
)
from appliance.analysis.findings.finding import SEVERITIES, Finding
from appliance.analysis.run import Run

RULES: list[Callable[[Run], Iterator[Finding]]] = [
    cpu_saturated.check,
    core_saturated.check,
    steal.check,
    io_wait.check,
    swap_used.check,
    filesystem_full.check,
    container_throttled.check,
    gaps.check,
]


def check(run: Run) -> list[Finding]:
    """Return what is wrong with a machine: the worst first, then by time."""
    found = [finding for rule in RULES for finding in rule(run)] if len(run.at_ms) else []
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.start_ms, finding.subject))

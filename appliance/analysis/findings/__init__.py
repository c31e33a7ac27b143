"""What is wrong: one rule per file, each with its limits, a check and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.analysis.findings import (
    clock_unset,
    conntrack,
    container_throttled,
    core_saturated,
    cpu_saturated,
    direct_reclaim,
    disk_saturated,
    file_handles,
    filesystem_filling,
    filesystem_full,
    gaps,
    hung_tasks,
    inodes_full,
    io_wait,
    listen_overflows,
    memory_pressure,
    memory_short,
    network_drops,
    network_errors,
    oom_kill,
    recorder,
    retransmits,
    run_queue,
    service_throttled,
    steal,
    swap_used,
    swapping,
    throughput_cap,
)
from appliance.analysis.findings.explain import Surroundings, explain, named
from appliance.analysis.findings.finding import SEVERITIES, Finding
from appliance.analysis.findings.rule import Overrides, Rule
from appliance.analysis.run import Run
from appliance.errors import UsageError

RULES: list[Rule] = [
    cpu_saturated.RULE,
    core_saturated.RULE,
    run_queue.RULE,
    steal.RULE,
    io_wait.RULE,
    disk_saturated.RULE,
    throughput_cap.RULE,
    memory_pressure.RULE,
    memory_short.RULE,
    direct_reclaim.RULE,
    swapping.RULE,
    swap_used.RULE,
    oom_kill.RULE,
    hung_tasks.RULE,
    filesystem_full.RULE,
    filesystem_filling.RULE,
    inodes_full.RULE,
    container_throttled.RULE,
    service_throttled.RULE,
    network_errors.RULE,
    network_drops.RULE,
    retransmits.RULE,
    listen_overflows.RULE,
    conntrack.RULE,
    file_handles.RULE,
    clock_unset.RULE,
    gaps.RULE,
    recorder.RULE,
]


@dataclass(frozen=True, slots=True)
class NotPossible:
    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All that the rules say of a run."""

    findings: Sequence[Finding]
    """The worst first, then by time."""
    passed: Sequence[Rule] = field(default=())
    """Those that looked and found nothing."""
    not_possible: Sequence[NotPossible] = field(default=())


def check(run: Run, overrides: Overrides | None = None) -> list[Finding]:
    """Return what is wrong with a machine: the worst first, then by time."""
    return list(examine(run, overrides).findings)


def examine(run: Run, overrides: Overrides | None = None) -> Examination:
    """
    Let every rule look at a run.

    `overrides` are limits by rule and name that take the place of the rules' own. Raises UsageError for a rule or a
    limit that there is not.
    """
    overrides = overrides or {}
    if unknown := sorted(set(overrides) - {rule.id for rule in RULES}):
        raise UsageError(f"there is no rule {unknown[0]!r}: there are {', '.join(sorted(rule.id for rule in RULES))}.")
    limits = {rule.id: rule.with_limits(overrides) for rule in RULES}
    if not len(run.at_ms):
        return Examination([], [], [NotPossible(rule, "there are no samples") for rule in RULES])
    findings: list[Finding] = []
    passed, not_possible, surroundings = [], [], Surroundings(run)
    for rule in RULES:
        if reason := rule.not_possible(run):
            not_possible.append(NotPossible(rule, reason))
            continue
        found = list(explain(rule, rule.check(rule, run, limits[rule.id]), surroundings))
        findings += found
        if not found:
            passed.append(rule)
    findings.sort(key=lambda one: (SEVERITIES.index(one.severity), one.start_ms, one.subject, one.rule))
    return Examination(list(named(run, findings)), passed, not_possible)

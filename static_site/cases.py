"""Findings of one rule about one subject belong together: the worst of them speaks for all."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.analysis.findings.finding import SEVERITIES, Finding, Severity
from static_site import times


@dataclass(frozen=True, slots=True)
class Case:
    findings: Sequence[Finding]
    """In order of time."""
    worst: Finding
    """The most severe, of those the longest."""

    @property
    def severity(self) -> Severity:
        return self.worst.severity

    @property
    def seconds(self) -> float:
        """How long all of them took together."""
        return sum(length(finding) for finding in self.findings)


def length(finding: Finding) -> float:
    """Return how long a finding lasted, in seconds."""
    return (finding.end_ms - finding.start_ms) / 1000


def lasting(seconds: float) -> str:
    """Write how long findings lasted; those of a single sample each have no length that is known."""
    return times.duration(seconds) if seconds else "one interval"


def rank(finding: Finding) -> tuple[int, float, int]:
    """Order findings: severity, then length, then time."""
    return SEVERITIES.index(finding.severity), -length(finding), finding.start_ms


def cases(findings: Sequence[Finding]) -> list[Case]:
    """Group findings, the worst group first."""
    together: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        together.setdefault((finding.rule, finding.subject), []).append(finding)
    found = [
        Case(sorted(group, key=lambda finding: finding.start_ms), min(group, key=rank)) for group in together.values()
    ]
    return sorted(found, key=lambda case: rank(case.worst))

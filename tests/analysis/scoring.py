"""How well findings fit the labels of a case."""

from dataclasses import dataclass

from labelled_machines import Case

from appliance.analysis import findings
from appliance.analysis.findings.finding import Severity
from appliance.analysis.run import Run


@dataclass(frozen=True)
class Verdict:
    case: Case
    right: set[str]
    missed: set[str]
    wrong: set[str]


def spoken(run: Run) -> set[str]:
    """Return the rules that said that something is wrong: a note for information is no such claim."""
    return {finding.rule for finding in findings.check(run) if finding.severity is not Severity.INFO}


def judge(case: Case, said: set[str]) -> Verdict:
    return Verdict(case, said & case.expected, case.expected - said, said - case.expected - case.allowed)

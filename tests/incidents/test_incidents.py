"""The rules find what an operator would call wrong, and are silent about machines that are well."""

import pytest
from incident_cases import START, Case, cases, measurements

from appliance.analysis import findings
from appliance.analysis.findings.finding import Severity
from appliance.analysis.run import Run
from appliance.samples import from_measurements

EVERY = list(cases())


@pytest.mark.parametrize("case", EVERY, ids=[f"{case.name}, {case.interval_seconds} s" for case in EVERY])
def test_what_an_operator_calls_wrong_is_found_and_nothing_else(case: Case) -> None:
    parsed = from_measurements(measurements(case), "m")

    found = [one for one in findings.check(Run("m", parsed.samples)) if one.severity is not Severity.INFO]

    assert {one.rule for one in found} == case.expected
    tolerance_ms = 1000 * case.interval_seconds
    for one in found:
        begin, end = ((START + 60 * minute) * 1000 for minute in case.minutes)
        assert abs(one.start_ms - begin) <= tolerance_ms
        assert abs(one.end_ms - end) <= tolerance_ms

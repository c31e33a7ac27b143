"""The rules against labelled cases: they find what an operator would want to hear of, and nothing else."""

from collections import Counter

import pytest
from labelled_machines import CASES, Case
from scoring import judge, spoken

LEAN = CASES[::2]


@pytest.mark.parametrize("case", LEAN, ids=lambda case: case.name)
def test_a_labelled_machine_is_told_of_as_an_operator_would(case: Case) -> None:
    verdict = judge(case, spoken(case.make().run()))

    assert (verdict.missed, verdict.wrong) == (set(), set())


def test_half_of_the_cases_are_clean_or_near_misses_and_each_rule_has_its_own() -> None:
    kinds = Counter(bool(case.expected) for case in CASES)

    assert len(CASES) >= 60
    assert 0.4 <= kinds[False] / len(CASES) <= 0.6

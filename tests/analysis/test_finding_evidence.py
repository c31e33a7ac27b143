"""What a finding carries: its time to the sample, who used the resource, what else moved, and a name that lasts."""

import re
import sys

import numpy as np
import pytest
from labelled_machines import START_MS, Machine, busy_cpus

from appliance import metrics
from appliance.analysis import findings
from appliance.analysis.findings.finding import Finding, Severity
from appliance.analysis.run import Run
from appliance.errors import UsageError

MONTH = 30 * 1440


def incident(at: float = 0.6, n: int = MONTH) -> tuple[Machine, slice]:
    """A month at a sample a minute, with half an hour in which a backup takes all CPUs."""
    machine = Machine(seed=7, interval=60.0, n=n)
    where = machine.for_seconds(1800, at)
    busy_cpus(machine, where, 1.02, 0.0)
    used = np.zeros(machine.n)
    used[where] = 3.2
    machine.extra["backup (root)"] = used
    machine.put(metrics.CPU_WAITING, where, 0.7)
    return machine, where


def the(found: list[Finding], rule: str) -> Finding:
    (finding,) = [finding for finding in found if finding.rule == rule]
    return finding


@pytest.fixture(scope="module")
def month() -> tuple[list[Finding], slice]:
    machine, where = incident()
    return findings.check(machine.run("db-1.example")), where


def test_half_an_hour_in_a_month_is_found_to_the_sample(month: tuple[list[Finding], slice]) -> None:
    found, where = month
    finding = the(found, "cpu-saturated")

    assert [one.rule for one in found] == ["cpu-saturated"]
    assert abs(finding.start_ms - (START_MS + where.start * 60_000)) <= 60_000
    assert abs(finding.end_ms - (START_MS + where.stop * 60_000)) <= 60_000
    assert abs(finding.samples - 30) <= 2
    assert finding.value == pytest.approx(100, abs=1)
    assert finding.evidence.limit == 90


def test_the_process_that_did_it_is_named_with_its_share(month: tuple[list[Finding], slice]) -> None:
    who = the(month[0], "cpu-saturated").who

    assert who[0].name == "backup (root)"
    assert who[0].share == pytest.approx(80, abs=3)
    assert who[0].of == "CPU time used"


def test_what_else_moved_is_told_with_its_usual_range(month: tuple[list[Finding], slice]) -> None:
    (moved,) = the(month[0], "cpu-saturated").moved

    assert moved.name == "Waited for CPU"
    assert moved.median == pytest.approx(70, abs=1)
    assert moved.low < moved.high < moved.median


def test_a_finding_keeps_its_name_when_days_are_added(month: tuple[list[Finding], slice]) -> None:
    ident = the(month[0], "cpu-saturated").ident
    machine, where = incident(0.75, int(MONTH * 0.8))
    again = findings.check(machine.run("db-1.example"))

    assert where == month[1]
    assert re.fullmatch(r"f-cpu-saturated-db-1-example-\d{8}T\d{4}-[0-9a-f]{4}", ident)
    assert the(again, "cpu-saturated").ident == ident


def test_no_field_of_a_serious_finding_is_empty(month: tuple[list[Finding], slice]) -> None:
    for finding in month[0]:
        assert finding.title and finding.meaning and finding.next_steps and finding.sentence and finding.seconds > 0


def test_four_hundred_findings_of_one_minute_have_names_of_their_own() -> None:
    machine = Machine(seed=3, interval=60.0, n=200)
    for number in range(400):
        machine.full[f"/data/{number}"] = np.full(machine.n, 0.95)
    idents = [finding.ident for finding in findings.check(machine.run("m"))]

    assert len(set(idents)) == len(idents) == 400


def test_checks_that_passed_and_that_were_not_possible_are_counted_with_the_reason() -> None:
    machine = Machine(seed=4, n=200)
    machine.left_out = {metrics.MEMORY_WAITING}
    run = machine.run()
    run.facts["sources"] = {"not_collected": {"/proc/pressure/memory": "No such file or directory"}}
    seen = findings.examine(run)

    assert [(one.rule.id, one.reason) for one in seen.not_possible] == [
        ("memory-pressure", "/proc/pressure/memory was not collected (No such file or directory)")
    ]
    assert len(seen.passed) == len(findings.RULES) - 1
    assert seen.findings == []


def test_with_no_samples_no_check_is_possible() -> None:
    seen = findings.examine(Run("m", []))

    assert [one.reason for one in seen.not_possible] == ["there are no samples"] * len(findings.RULES)


def test_a_limit_that_is_given_takes_the_place_of_the_rules_own() -> None:
    machine = Machine(seed=5, n=400)
    busy_cpus(machine, machine.for_seconds(1200), 0.75)
    run = machine.run()

    assert findings.check(run) == []
    (finding,) = findings.check(run, {"cpu-saturated": {"enter": 70, "leave": 60}})
    assert (finding.rule, finding.evidence.limit) == ("cpu-saturated", 70)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"cpu-sturated": {"enter": 1}}, "there is no rule 'cpu-sturated': there are clock, "),
        (
            {"steal": {"entr": 1}},
            "rule steal has no limit 'entr': its limits are enter, leave, seconds.",
        ),
    ],
)
def test_an_unknown_rule_or_limit_is_refused(overrides: dict[str, dict[str, float]], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        findings.check(Run("m", []), overrides)


def test_every_rule_says_what_it_means_what_to_do_and_where_its_limits_come_from() -> None:
    for rule in findings.RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.title and rule.meaning.endswith(".") and rule.next_steps and rule.limits
        assert len((sys.modules[rule.check.__module__].__doc__ or "").strip().split("\n\n")) >= 2
    assert len({rule.id for rule in findings.RULES}) == len(findings.RULES)


def test_information_is_no_claim_that_something_is_wrong() -> None:
    machine = Machine(seed=6, n=200)
    machine.swap_used[:] = 0.5
    (finding,) = findings.check(machine.run())

    assert (finding.rule, finding.severity) == ("swap-used", Severity.INFO)


@pytest.mark.parametrize("seed", range(6))
def test_holes_in_what_was_recorded_break_no_rule(seed: int) -> None:
    chance = np.random.default_rng(seed)
    machine = Machine(seed=seed, interval=(1.0, 10.0, 60.0)[seed % 3], n=400)
    for column, rates in machine.rates.items():
        if column.metric not in {metrics.CONTAINER_PERIODS, *metrics.CPU_MODES}:
            machine.rates[column] = rates + (chance.random(machine.n) < 0.3) * chance.exponential(100)
    machine.missing = chance.random(machine.n) < 0.1
    machine.missing[100:200] = True
    every = {column.metric for column in [*machine.rates, *machine.levels]}
    machine.left_out = {metric for metric in every if chance.random() < 0.2}
    seen = findings.examine(machine.run())

    rules = {finding.rule for finding in seen.findings}
    assert len(rules) + len(seen.passed) + len(seen.not_possible) == len(findings.RULES)
    assert all(finding.start_ms <= finding.end_ms for finding in seen.findings)

"""How often the rules are right about labelled incidents: precision and recall, per rule and in all, and each miss."""

import sys
from collections import Counter
from pathlib import Path

from appliance.analysis import findings
from appliance.analysis.findings.finding import Severity
from appliance.analysis.run import Run
from appliance.samples import from_measurements

sys.path.insert(0, str(Path(__file__).parent.parent / "incidents"))
from incident_cases import cases, measurements

BUDGET = 0.95
SEEDS = (1000, 2000)


def main() -> int:
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    told = [case for seed in SEEDS for case in cases(seed)]
    for case in told:
        parsed = from_measurements(measurements(case), "m")
        found = findings.check(Run("m", parsed.samples))
        said = {one.rule for one in found if one.severity is not Severity.INFO}
        right.update(said & case.expected)
        wrong.update(said - case.expected)
        missed.update(case.expected - said)
        if said != case.expected:
            print(f"  miss: {case.name}, {case.interval_seconds} s: {sorted(said)}, not {sorted(case.expected)}")
    well = sum(not case.expected for case in told)
    print(f"{len(told)} labelled cases, {well} of them well; at least {BUDGET} each:")
    for rule in [*sorted({*right, *wrong, *missed}), "in all"]:
        hit, false, lost = (sum(c.values()) if rule == "in all" else c[rule] for c in (right, wrong, missed))
        precision, recall = hit / max(1, hit + false), hit / max(1, hit + lost)
        print(f"  {rule:20} precision {precision:.3f}  recall {recall:.3f}")
    return 0 if precision >= BUDGET and recall >= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())

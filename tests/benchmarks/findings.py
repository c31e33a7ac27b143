"""What the findings are worth: precision and recall over labelled machines, and what the rules cost for a month."""

import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))

from labelled_machines import CASES, Machine
from scoring import judge, spoken

from appliance.analysis import findings

SEEDS = (0, 50_000)
"""The second noise is of no case that the rules were made with."""
LEAST, MOST_CPU_SECONDS = 0.95, 0.6


def main() -> None:
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for case, further in product(CASES, SEEDS):
        verdict = judge(case, spoken(case.make(further).run()))
        right.update(verdict.right)
        missed.update(verdict.missed)
        wrong.update(verdict.wrong)
        for what, rules in (("missed", verdict.missed), ("wrong", verdict.wrong)):
            if rules:
                print(f"  {what} {', '.join(sorted(rules))}: {case.name} + {further}")
    clean = sum(not case.expected for case in CASES)
    print(f"{len(CASES)} labelled machines, {clean} of them clean or near misses, each with {len(SEEDS)} noises")
    for rule in findings.RULES:
        if right[rule.id] + missed[rule.id] + wrong[rule.id]:
            one = rule.id
            print(f"  {one:22} {shares(right[one], missed[one], wrong[one])}")
    every = right.total(), missed.total(), wrong.total()
    print(f"all rules: {shares(*every)} (each at least {LEAST})")
    month()
    sys.exit(every[0] < LEAST * (every[0] + every[1]) or every[0] < LEAST * (every[0] + every[2]))


def shares(right: int, missed: int, wrong: int) -> str:
    precision = right / (right + wrong) if right + wrong else 1.0
    recall = right / (right + missed) if right + missed else 1.0
    return f"precision {precision:.3f}, recall {recall:.3f}: {right} right, {wrong} wrong, {missed} missed"


def month() -> None:
    """Time the rules alone over a quiet and a troubled machine-month: 259,200 samples at 10 s."""
    for troubled in (False, True):
        machine = Machine(seed=1, n=259_199)
        if troubled:
            for at in (0.2, 0.4, 0.6):
                machine.user[:, machine.for_seconds(1800, at)] = 1.0
        run = machine.run()
        values = sum(len(table.columns) for table in run.tables.values())
        before = time.process_time()
        found = findings.check(run)
        used = time.process_time() - before
        print(
            f"all rules, {'troubled' if troubled else 'quiet'} machine-month of {values} values at 10 s: "
            f"{used:.2f} s of CPU, {len(found)} findings (budget {MOST_CPU_SECONDS} s)"
        )


if __name__ == "__main__":
    main()

"""
Swap in use.

Swap that is merely occupied is information: whether it hurts is what the rule about swap activity says.
"""

from collections.abc import Iterator

from appliance.analysis.derived import swap_used
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.findings.rule import Limits, Rule
from appliance.analysis.run import Run
from appliance.analysis.wording import three_digits
from appliance.metrics import MEMORY_SWAP_FREE, MEMORY_SWAP_TOTAL
from appliance.process_metrics import PROCESS_SWAP

MEBIBYTE = 1 << 20


def check(rule: Rule, run: Run, limits: Limits) -> Iterator[Finding]:
    used = swap_used(run)
    mebibytes = used["bytes"] / MEBIBYTE
    above = used[used["bytes"] > limits["bytes"]]
    if len(above):
        yield Finding(
            rule.id, rule.severity, rule.resource, "swap", int(above.index[0]), int(above.index[-1]),
            f"{three_digits(mebibytes.max())} MiB of swap were in use at most, "
            f"{three_digits(above['percent'].max())} % of the swap there is.",
            Evidence("Swap used", "MiB", None, mebibytes, float(mebibytes.max()), int(mebibytes.idxmax())),
        )  # fmt: skip


RULE = Rule(
    id="swap-used",
    title="Swap in use",
    severity=Severity.INFO,
    resource="memory",
    needs=((MEMORY_SWAP_TOTAL, MEMORY_SWAP_FREE),),
    limits={"bytes": 0.0},
    meaning="The kernel put away memory that programs had not used for long: by itself that is no fault.",
    next_steps=("See whether pages still go in and out: vmstat 5 (columns si and so)",),
    check=check,
    who=(PROCESS_SWAP,),
)

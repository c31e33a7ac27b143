"""
Swap in use.

Swap that is merely occupied is information; what hurts is pages that go in and out, which is judged where
/proc/vmstat was recorded: 100 pages a second are some 0.4 MB/s that programs wait for.
"""

from collections.abc import Iterator

import pandas as pd

from appliance.analysis.derived import only, swap_used
from appliance.analysis.findings.episodes import episodes
from appliance.analysis.findings.finding import Evidence, Finding, Severity
from appliance.analysis.run import Run
from appliance.analysis.wording import grouped, three_digits
from appliance.metrics import SWAPPED_IN, SWAPPED_OUT

PAGES_PER_SECOND, CALM_PER_SECOND = 100.0, 20.0
MEBIBYTE = 1 << 20


def check(run: Run) -> Iterator[Finding]:
    if run.has(SWAPPED_IN, SWAPPED_OUT):
        moved: pd.Series = only(run.rates(SWAPPED_IN), "") + only(run.rates(SWAPPED_OUT), "")
        for episode in episodes(moved, run.seconds(SWAPPED_IN), PAGES_PER_SECOND, CALM_PER_SECOND):
            yield Finding(
                "swapping", Severity.HIGH, "memory", "swap", episode.start_ms, episode.end_ms,
                f"Memory was swapped in and out at {grouped(episode.mean)} pages a second.",
                episode.evidence(moved, "Pages swapped in and out", "pages/s", PAGES_PER_SECOND),
            )  # fmt: skip
    used = swap_used(run)
    mebibytes = used["bytes"] / MEBIBYTE
    above = used[used["bytes"] > 0]
    if len(above):
        yield Finding(
            "swap-used", Severity.INFO, "memory", "swap", int(above.index[0]), int(above.index[-1]),
            f"{three_digits(mebibytes.max())} MiB of swap were in use at most, "
            f"{three_digits(above['percent'].max())} % of the swap there is.",
            Evidence("Swap used", "MiB", None, mebibytes, float(mebibytes.max()), int(mebibytes.idxmax())),
        )  # fmt: skip

"""How many reports were written, and how long that took, as a file in the Prometheus text format."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import CannotCreate
from appliance.prometheus import BUCKETS, Durations, head, histogram, replace_file, sample

TOTAL, FAILURES, DURATION = (
    "report_generation_total", "report_generation_failures_total", "report_generation_duration_seconds",
)  # fmt: skip


@contextmanager
def counted_in(path: Path | None) -> Iterator[None]:
    """
    Count the report that is written meanwhile, and whether that failed, in a file, if one is named.

    What the file has of earlier reports is added to. Raises CannotCreate if it cannot be written.
    """
    if path is None:
        yield
        return
    if not path.resolve().parent.is_dir():
        raise CannotCreate(f"the metrics file {path} cannot be written: its folder is not there.")
    before = time.monotonic()
    try:
        yield
    except BaseException:
        add(path, time.monotonic() - before, failed=True)
        raise
    add(path, time.monotonic() - before, failed=False)


def add(path: Path, seconds: float, *, failed: bool) -> None:
    try:
        earlier = numbers(path)
        durations = Durations()
        ends = [*(f"{bucket:g}" for bucket in BUCKETS), "+Inf"]
        below = [int(earlier.get(f'{DURATION}_bucket{{le="{end}"}}', 0)) for end in ends]
        durations.counts = [here - before for here, before in zip(below, [0, *below[:-1]], strict=True)]
        durations.sum_seconds = earlier.get(f"{DURATION}_sum", 0.0)
        durations.add(seconds)
        replace_file(
            path,
            [
                *head(TOTAL, "counter", "Reports that were begun."),
                sample(TOTAL, int(earlier.get(TOTAL, 0)) + 1),
                *head(FAILURES, "counter", "Reports that came to no site."),
                sample(FAILURES, int(earlier.get(FAILURES, 0)) + failed),
                *histogram(DURATION, "How long a report took.", durations),
            ],
        )
    except OSError as error:
        raise CannotCreate(f"the metrics file {path} cannot be written: {error.strerror}.") from error


def numbers(path: Path) -> dict[str, float]:
    """Return what a metrics file of ours says; nothing where there is none, or another."""
    found = {}
    try:
        for line in path.read_text("ascii").splitlines():
            name, _, number = line.rpartition(" ")
            if name.startswith("report_generation_"):
                found[name] = float(number)
    except (FileNotFoundError, ValueError):
        return {}
    return found

"""
What analysing costs: CPU seconds and memory of a machine-month at ten seconds, 259,200 samples of 300 values.

Prints one line per figure, with its budget: a whole site may take 3 s of CPU and 500 MB for a machine-month.
"""

import resource
import time
from collections.abc import Callable

import numpy as np

from appliance.analysis import derived
from appliance.analysis.buckets import bucketed
from appliance.analysis.hours import hours_of_week
from appliance.analysis.run import Run
from appliance.analysis.statistics import distribution, summarise
from appliance.metrics import ALL_CPUS, CPU_MODES, DISK_FIELDS, Kind, Metric
from appliance.samples import Column, Samples, Values

ROWS, EVERY_MS, START_MS = 259_200, 10_000, 1_767_225_600_000
CPUS, DISKS = 24, 6
BUDGET_CPU_SECONDS, BUDGET_MEGABYTES = 3.0, 500
HOUR_SECONDS = 3600


def main() -> None:
    run = Run("m", [counters([*CPU_MODES], [ALL_CPUS, *map(str, range(CPUS))]), disks()])
    values = sum(len(table.columns) for table in run.tables.values())
    print(f"a machine-month: {ROWS} samples of {values} values, {megabytes():.0f} MB with the samples")
    period = run.period
    steps: dict[str, Callable[[], object]] = {
        "intervals and events": lambda: run.events,
        "shares of CPU time": lambda: derived.cpu_shares(run),
        "how busy each CPU was": lambda: derived.cpu_busy_by_cpu(run),
        "rates of disks": lambda: [run.rates(metric) for metric in DISK_FIELDS if metric.kind is Kind.COUNTER],
    }
    spent = [measured(name, step) for name, step in steps.items()]
    busy, seconds = derived.cpu_shares(run)["busy"], derived.cpu_seconds(run)
    of_a_series: dict[str, Callable[[], object]] = {
        "buckets of a series": lambda: bucketed(busy, seconds, HOUR_SECONDS, period),
        "percentiles of a series": lambda: summarise(busy, seconds, ROWS * EVERY_MS / 1000),
        "hours of the week of a series": lambda: hours_of_week(busy, seconds, period),
        "distribution of a series": lambda: distribution(busy, seconds),
    }
    spent += [measured(name, step) for name, step in of_a_series.items()]
    print(f"together: {sum(spent):.2f} s of CPU (budget of the whole site: {BUDGET_CPU_SECONDS} s)")
    print(f"most memory: {megabytes():.0f} MB (budget: {BUDGET_MEGABYTES} MB)")


def measured(name: str, step: Callable[[], object]) -> float:
    start = time.process_time()
    step()
    spent = time.process_time() - start
    print(f"  {name}: {spent:.3f} s of CPU")
    return spent


def counters(metrics: list[Metric], instances: list[str]) -> Samples:
    random = np.random.default_rng(1)
    at_ms = START_MS + EVERY_MS * np.arange(ROWS, dtype=np.int64)
    columns = {
        Column(metric, instance): Values(np.cumsum(random.integers(0, 125, ROWS, np.int64)))
        for metric in metrics
        for instance in instances
    }
    return Samples("m", 0, metrics[0].group, at_ms, columns)


def disks() -> Samples:
    return counters([metric for metric in DISK_FIELDS if metric.kind is Kind.COUNTER], [f"sd{n}" for n in range(DISKS)])


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

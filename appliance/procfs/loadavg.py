"""/proc/loadavg: tasks that run or wait, as averages, and how many there are."""

from collections.abc import Iterator

from appliance.metrics import LOAD_1, LOAD_5, LOAD_15, TASKS, TASKS_RUNNABLE
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """The kernel prints "0.06 0.09 0.03 1/79 3511": three averages with two decimals, runnable/all, the last pid."""
    one, five, fifteen, tasks, *_ = text.split()
    for metric, average in ((LOAD_1, one), (LOAD_5, five), (LOAD_15, fifteen)):
        yield Value(metric, "", round(float(average) * metric.per_unit))
    runnable, _, every = tasks.partition("/")
    yield Value(TASKS_RUNNABLE, "", int(runnable))
    yield Value(TASKS, "", int(every))

"""/proc/schedstat: how long tasks ran on each CPU, and how long they waited for it."""

from collections.abc import Iterator

from appliance.hardware_metrics import SCHEDULER_RUNNING, SCHEDULER_SLICES, SCHEDULER_WAITING
from appliance.procfs import Value


def parse(text: str) -> Iterator[Value]:
    """A CPU's last three numbers are the same in all versions: nanoseconds run and waited, and turns given."""
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and len(fields) >= 9:
            for metric, number in zip(
                (SCHEDULER_RUNNING, SCHEDULER_WAITING, SCHEDULER_SLICES), fields[6:9], strict=True
            ):
                yield Value(metric, name[3:], int(number))

"""The catalogue, continued: what a recorder says of itself, and what befell it while it recorded."""

from appliance.measurement import EVENT
from appliance.metrics import Group, Kind, Metric, Unit, declare

SELF = "perfanalysis[self]"


def own(key: str, name: str, unit: Unit, sentence: str, kind: Kind = Kind.COUNTER, per_unit: int = 1) -> Metric:
    metric = declare(
        Metric(f"recorder_{name}", unit, kind, Group.RECORDER, SELF, sentence, "machine", per_unit=per_unit)
    )
    RECORDER_KEYS[key] = metric
    return metric


RECORDER_KEYS: dict[str, Metric] = {}
"""The metric of each number in a recorder's record of itself; others in it are passed over."""
RECORDER_CPU = own("cpu_us", "cpu_seconds_total", Unit.SECONDS, "CPU time of the recorder.", per_unit=1_000_000)
RECORDER_MEMORY = own("resident_bytes", "resident_bytes", Unit.BYTES, "Memory of the recorder.", Kind.GAUGE)
RECORDER_SAMPLES = own("samples", "samples_total", Unit.COUNT, "Samples taken.")
RECORDER_LATE = own("late", "late_ticks_total", Unit.COUNT, "Samples not taken because it was too late for them.")
RECORDER_UNREAD = own("unread", "unread_total", Unit.COUNT, "Readings of a source that failed.")
RECORDER_LOST = own("lost", "lost_samples_total", Unit.COUNT, "Samples taken for which there was no room.")


def of_source(key: str, name: str, unit: Unit, sentence: str, per_unit: int = 1) -> Metric:
    metric = declare(
        Metric(
            f"recorder_source_{name}_total", unit, Kind.COUNTER, Group.RECORDER, SELF, sentence, "source",
            per_unit=per_unit, alias="node_scrape_collector_duration_seconds" if unit is Unit.SECONDS else "",
        )
    )  # fmt: skip
    SOURCE_KEYS[key] = metric
    return metric


SOURCE_KEYS: dict[str, Metric] = {}
SOURCE_TIME = of_source("ns", "seconds", Unit.SECONDS, "Time that reading the source took.", 1_000_000_000)
SOURCE_UNREAD = of_source("unread", "unread", Unit.COUNT, "Readings of the source that failed.")


def event(kind: str, key: str, name: str, unit: Unit, sentence: str, per_unit: int = 1) -> Metric:
    metric = declare(
        Metric(f"event_{name}", unit, Kind.GAUGE, Group.EVENT, EVENT, sentence, "machine", per_unit=per_unit)
    )
    EVENT_KEYS[kind] = key, metric
    return metric


EVENT_KEYS: dict[str, tuple[str, Metric]] = {}
"""By kind of event: the number of its record that says how much, and its metric."""
LATE_TICKS = event(
    "late", "ticks", "late_ticks", Unit.COUNT, "Samples just before that came too late and were left out."
)
SUSPENDED = event(
    "suspend", "milliseconds", "suspended_seconds", Unit.SECONDS, "How long the machine slept just before.", 1000
)
CLOCK_STEP = event(
    "clock", "milliseconds", "clock_step_seconds", Unit.SECONDS, "How far the clock was set just before.", 1000
)
LOST_SAMPLES = event(
    "lost", "samples", "lost_samples", Unit.COUNT, "Samples just before for which the disk had no room."
)

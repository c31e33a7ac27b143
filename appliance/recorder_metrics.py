"""The catalogue, continued: what a recorder says of itself, and what befell it while it recorded."""

from appliance.measurement import EVENT
from appliance.metrics import Group, Kind, Metric, Unit, declare

SELF, GAP = "perfanalysis[self]", "perfanalysis[gap]"


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
RECORDER_READ = own("read_bytes", "read_bytes_total", Unit.BYTES, "Bytes that the recorder read from disks.")
RECORDER_WRITTEN = own("written_bytes", "written_bytes_total", Unit.BYTES, "Bytes that the recorder wrote to disks.")
RECORDER_SAMPLES = own("samples", "samples_total", Unit.COUNT, "Samples taken.")
RECORDER_LATE = own("late", "late_ticks_total", Unit.COUNT, "Samples not taken because it was too late for them.")
RECORDER_UNREAD = own("unread", "unread_total", Unit.COUNT, "Readings of a source that failed.")
RECORDER_LOST = own("lost", "lost_samples_total", Unit.COUNT, "Samples taken for which there was no room.")
# Of the road to a receiver: only a recorder that sends has these.
SPOOL_SAMPLES = own("spool_samples", "spool_samples", Unit.COUNT, "Samples that wait to be sent.", Kind.GAUGE)
SPOOL_BYTES = own("spool_bytes", "spool_bytes", Unit.BYTES, "Size of what waits to be sent.", Kind.GAUGE)
SPOOL_OLDEST = own(
    "spool_oldest_seconds", "spool_oldest_seconds", Unit.SECONDS, "How long the oldest has waited.", Kind.GAUGE
)
SPOOL_ON_DISK = own("spool_on_disk", "spool_on_disk", Unit.COUNT, "1: on the disk; 0: in memory only.", Kind.GAUGE)
SPOOL_DROPPED = own("dropped", "dropped_samples_total", Unit.COUNT, "Samples that found no place to wait.")
SENT = own("sent", "sent_samples_total", Unit.COUNT, "Samples that the receiver stored.")
REFUSED = own("refused", "refused_samples_total", Unit.COUNT, "Samples that the receiver will never take.")
ATTEMPTS = own("attempts", "attempts_total", Unit.COUNT, "Requests to the receiver.")
ATTEMPTS_FAILED = own("attempts_failed", "failed_attempts_total", Unit.COUNT, "Requests that were to be repeated.")
BREAKER = own("breaker", "breaker", Unit.COUNT, "Circuit breaker: 0 closed, 1 half-open, 2 open.", Kind.GAUGE)
BREAKER_OPENED = own("breaker_opened", "breaker_opened_total", Unit.COUNT, "How often the circuit breaker opened.")
SPOOL_DAMAGED = own("spool_skipped", "spool_damaged_total", Unit.COUNT, "Damaged records that were passed over.")


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
UNSET_TICKS = event(
    "unset", "ticks", "unset_clock_ticks", Unit.COUNT, "Samples just before that were not taken: the clock was not set."
)
LOST_SAMPLES = event(
    "lost", "samples", "lost_samples", Unit.COUNT, "Samples just before for which the disk had no room."
)
DROPPED_SAMPLES = declare(
    Metric(
        "event_dropped_samples", Unit.COUNT, Kind.GAUGE, Group.EVENT, GAP,
        "Samples just before for which the spool had no room.", "machine",
    )
)  # fmt: skip

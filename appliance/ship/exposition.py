"""A collector's own metrics as a file in the Prometheus text format, for the textfile collector of node_exporter."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.prometheus import Durations, head, histogram, replace_file, sample

# (name, type, what it says, where the number is in a status; those that a status has not are left out).
METRICS = [
    ("pcc_collections_total", "counter", "Samples taken.", "samples"),
    ("pcc_late_total", "counter", "Samples that came too late and were skipped.", "late"),
    ("pcc_unread_total", "counter", "Readings of a source that failed.", "unread"),
    ("pcc_cpu_seconds_total", "counter", "CPU time of the collector.", "cpu_seconds"),
    ("pcc_memory_bytes", "gauge", "Resident memory of the collector.", "memory_bytes"),
    ("pcc_samples_sent_total", "counter", "Samples that the receiver acknowledged.", "sent"),
    ("pcc_samples_sent_again_total", "counter", "Samples that a restored receiver got again.", "sent_again"),
    ("pcc_samples_refused_total", "counter", "Samples that the receiver will never take.", "refused"),
    ("pcc_samples_dropped_total", "counter", "Samples that found no place in the spool.", "dropped"),
    ("pcc_upload_attempts_total", "counter", "Requests sent to the receiver.", "attempts"),
    ("pcc_upload_failures_total", "counter", "Requests that stored nothing.", "attempts_failed"),
    ("pcc_last_success_timestamp_seconds", "gauge", "When the receiver last acknowledged samples.", "last_success"),
    ("pcc_spool_samples", "gauge", "Samples that wait to be sent.", "spool_samples"),
    ("pcc_spool_bytes", "gauge", "Bytes that the spool takes.", "spool_bytes"),
    ("pcc_spool_oldest_seconds", "gauge", "How long the oldest sample has waited.", "spool_oldest_seconds"),
    ("pcc_spool_on_disk", "gauge", "1 while samples wait on the disk, 0 while they wait in memory.", "spool_on_disk"),
    ("pcc_spool_damaged_total", "counter", "Damaged records of the spool that were skipped.", "spool_skipped"),
    ("pcc_breaker_state", "gauge", "The circuit breaker: 0 closed, 1 half-open, 2 open.", "breaker"),
    ("pcc_breaker_opened_total", "counter", "How often the circuit breaker opened.", "breaker_opened"),
]
DURATION = ("pcc_upload_duration_seconds", "How long requests to the receiver took.")


def write(path: Path, status: Mapping[str, Any], durations: Durations | None) -> None:
    """Replace a metrics file as a whole; raise OSError."""
    replace_file(path, [*lines(status), *(histogram(*DURATION, durations) if durations else [])])


def lines(status: Mapping[str, Any]) -> Iterator[str]:
    for name, kind, said, key in METRICS:
        if key in status:
            yield from head(name, kind, said)
            yield sample(name, status[key])

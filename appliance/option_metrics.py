"""The catalogue, continued: what is recorded by option of NFS mounts, network drivers, NVMe disks and services."""

from appliance.metrics import Group, Kind, Metric, Unit, declare

NFS = "nfs[*]"


# NFS mounts: requests by kind, and milliseconds of all requests together.

NFS_OPERATIONS = {"read": "READ", "write": "WRITE", "other": ""}
"""What the metrics call a kind of request, and what the kernel calls it; all that is neither is one kind."""


def nfs(key: str, name: str, unit: Unit, sentence: str, alias: str = "") -> None:
    """Declare a metric for each kind of request."""
    for kind, operation in NFS_OPERATIONS.items():
        what = f"{operation} requests" if operation else "Requests other than READ and WRITE"
        labelled = f'node_mountstats_nfs_operations_{alias}{{operation="{operation}"}}' if operation and alias else ""
        NFS_KEYS[f"{kind}_{key}"] = declare(
            Metric(
                f"nfs_{kind}_{name}_total", unit, Kind.COUNTER, Group.NFS, NFS,
                f"{what}: {sentence}", "mount", per_unit=1000 if unit is Unit.SECONDS else 1, alias=labelled,
            )
        )  # fmt: skip


NFS_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of a mount."""
nfs("requests", "requests", Unit.COUNT, "how many.", "requests_total")
nfs("retransmissions", "retransmissions", Unit.COUNT, "times that one was sent again.")
nfs("timeouts", "timeouts", Unit.COUNT, "times that one was not answered in time.", "major_timeouts_total")
nfs("sent_bytes", "sent_bytes", Unit.BYTES, "bytes sent, headers included.", "sent_bytes_total")
nfs("received_bytes", "received_bytes", Unit.BYTES, "bytes received, headers included.", "received_bytes_total")
nfs("queue_ms", "queue_seconds", Unit.SECONDS, "time before they were sent.", "queue_time_seconds_total")
nfs("response_ms", "response_seconds", Unit.SECONDS, "time until the answer.", "response_time_seconds_total")
nfs("execute_ms", "execute_seconds", Unit.SECONDS, "time from the call to its end.", "request_time_seconds_total")
nfs("errors", "errors", Unit.COUNT, "how many ended with an error.", "errors_total")

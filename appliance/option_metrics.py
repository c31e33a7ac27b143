"""The catalogue, continued: what is recorded by option of NFS mounts, network drivers, NVMe disks and services."""

from appliance.metrics import Group, Kind, Metric, Unit, declare

NFS, ETHTOOL = "nfs[*]", "ethtool[*]"


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


# What network drivers count beside /proc/net/dev: losses under names of their own, and what a cloud holds back.


def allowance(key: str, name: str, sentence: str, kind: Kind = Kind.COUNTER) -> None:
    ALLOWANCE_KEYS[key] = declare(
        Metric(
            f"network_allowance_{name}", Unit.COUNT, kind, Group.DRIVER, ETHTOOL, sentence, "interface",
            alias=f"node_ethtool_{key}",
        )
    )  # fmt: skip


ALLOWANCE_KEYS: dict[str, Metric] = {}
"""The metric of each counter by which Amazon's driver (ENA) tells of limits of the instance."""
allowance("bw_in_allowance_exceeded", "bandwidth_in_total", "Packets held back or dropped: too many bytes came in.")
allowance("bw_out_allowance_exceeded", "bandwidth_out_total", "Packets held back or dropped: too many bytes went out.")
allowance("pps_allowance_exceeded", "packets_total", "Packets held back or dropped: too many packets a second.")
allowance("conntrack_allowance_exceeded", "connections_total", "Packets dropped: too many connections to follow.")
allowance("linklocal_allowance_exceeded", "link_local_total", "Packets dropped: too many to DNS, time and metadata.")
allowance("conntrack_allowance_available", "connections_left", "Connections that can still be followed.", Kind.GAUGE)
DRIVER_COUNTER = declare(
    Metric(
        "network_driver_losses_total", Unit.COUNT, Kind.COUNTER, Group.DRIVER, ETHTOOL,
        "Errors and drops as the driver of an interface calls them; queues are summed.", "counter",
    )
)  # fmt: skip

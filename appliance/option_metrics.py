"""The catalogue, continued: what is recorded by option of NFS mounts, network drivers, NVMe disks and services."""

from appliance.metrics import Group, Kind, Metric, Per, Unit, declare

NFS, ETHTOOL, NVME = "nfs[*]", "ethtool[*]", "nvme[*]"
SYSTEMD_UNITS = "systemd_units[*]"


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


# NVMe disks: wear and health, as the disk itself counts them.


def nvme(key: str, name: str, unit: Unit, sentence: str, kind: Kind = Kind.COUNTER) -> None:
    NVME_KEYS[key] = declare(Metric(f"nvme_{name}", unit, kind, Group.WEAR, NVME, sentence, "disk"))


NVME_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of a disk."""
nvme("live", "live", Unit.COUNT, "1 where its controller works; 0 where it is reset, or dead.", Kind.GAUGE)
nvme("critical_warning", "critical_warning", Unit.COUNT, "0, or what is wrong: the bits of its log.", Kind.GAUGE)
nvme("available_spare", "available_spare_percent", Unit.PERCENT, "Spare blocks that are left.", Kind.GAUGE)
nvme("spare_threshold", "spare_threshold_percent", Unit.PERCENT, "Below so many, the disk warns.", Kind.GAUGE)
nvme("percentage_used", "used_percent", Unit.PERCENT, "Life used, as its maker reckons; may exceed 100.", Kind.GAUGE)
nvme("read_bytes", "read_bytes_total", Unit.BYTES, "Bytes read in its life, in steps of 512,000.")
nvme("written_bytes", "written_bytes_total", Unit.BYTES, "Bytes written in its life, in steps of 512,000.")
nvme("reads", "reads_total", Unit.COUNT, "Reads in its life.")
nvme("writes", "writes_total", Unit.COUNT, "Writes in its life.")
nvme("busy_seconds", "busy_seconds_total", Unit.SECONDS, "Time busy in its life, in whole minutes.")
nvme("power_cycles", "power_cycles_total", Unit.COUNT, "Times that it was switched on.")
nvme("power_on_seconds", "power_on_seconds_total", Unit.SECONDS, "Time switched on in its life, in whole hours.")
nvme("unsafe_shutdowns", "unsafe_shutdowns_total", Unit.COUNT, "Times that it lost power without notice.")
nvme("media_errors", "media_errors_total", Unit.COUNT, "Times that what it holds could not be read or was false.")
nvme("error_log_entries", "error_log_entries_total", Unit.COUNT, "Errors that it noted in its life.")
nvme("warm_seconds", "warm_seconds_total", Unit.SECONDS, "Time above its warning temperature, in whole minutes.")
nvme("hot_seconds", "hot_seconds_total", Unit.SECONDS, "Time above its critical temperature, in whole minutes.")


# Units of systemd: services, sockets, timers, mounts.


def unit(keys: dict[str, Metric], key: str, name: str, per: Per, sentence: str, alias: str = "") -> None:
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    keys[key] = declare(Metric(name, Unit.COUNT, kind, Group.UNIT, SYSTEMD_UNITS, sentence, per, alias=alias))


UNIT_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of a unit."""
unit(
    UNIT_KEYS, "active", "unit_active", "unit", "1 where it runs, or does what it is there for.",
    'node_systemd_unit_state{state="active"}',
)  # fmt: skip
unit(
    UNIT_KEYS, "failed", "unit_failed", "unit", "1 where it failed, and nobody started it again.",
    'node_systemd_unit_state{state="failed"}',
)  # fmt: skip
unit(
    UNIT_KEYS, "restarts", "unit_restarts_total", "unit", "Times that systemd started a service again by itself.",
    "node_systemd_service_restart_total",
)  # fmt: skip
ALL_UNITS_KEYS: dict[str, Metric] = {}
"""The metric of each number in the record of all units."""
unit(ALL_UNITS_KEYS, "units", "units", "machine", "Services, sockets, timers and mounts that systemd knows.")
unit(
    ALL_UNITS_KEYS, "failed", "units_failed", "machine", "Those of them that failed.",
    'node_systemd_units{state="failed"}',
)  # fmt: skip

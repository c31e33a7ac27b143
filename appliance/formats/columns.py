"""The columns of the standard CSV (contracts, section 3): which metric and device a name stands for, and back."""

from collections.abc import Mapping

from appliance.metrics import (
    CPU_SHARES,
    DISK_READ_BYTES,
    DISK_READS,
    DISK_WRITES,
    DISK_WRITTEN_BYTES,
    MEMORY_AVAILABLE,
    MEMORY_FREE,
    MEMORY_SWAP_FREE,
    MEMORY_SWAP_TOTAL,
    MEMORY_TOTAL,
    RECEIVED_BYTES,
    RECEIVED_PACKETS,
    SENT_BYTES,
    SENT_PACKETS,
    Metric,
)
from appliance.samples import Column

TIMESTAMP, MACHINE_ID = "timestamp", "machine_id"
SHARES = {f"cpu_{mode}": CPU_SHARES[mode] for mode in ("user", "system", "idle", "iowait")}
MORE_SHARES = {f"cpu_{mode}": CPU_SHARES[mode] for mode in ("nice", "steal", "irq", "softirq")}
MEMORY = {"mem_total": MEMORY_TOTAL, "mem_free": MEMORY_FREE, "mem_available": MEMORY_AVAILABLE}
SWAP = {"mem_swap_total": MEMORY_SWAP_TOTAL, "mem_swap_free": MEMORY_SWAP_FREE}
REQUIRED = (TIMESTAMP, MACHINE_ID, *SHARES, *MEMORY)
OF_THE_MACHINE: Mapping[str, Metric] = {**SHARES, **MORE_SHARES, **MEMORY, **SWAP}

DISK_MEASURES = {
    "reads": DISK_READS,
    "writes": DISK_WRITES,
    "read_bytes": DISK_READ_BYTES,
    "write_bytes": DISK_WRITTEN_BYTES,
}
NETWORK_MEASURES = {
    "rx_bytes": RECEIVED_BYTES,
    "tx_bytes": SENT_BYTES,
    "rx_packets": RECEIVED_PACKETS,
    "tx_packets": SENT_PACKETS,
}
OF_DEVICES: Mapping[str, Mapping[str, Metric]] = {"disk": DISK_MEASURES, "net": NETWORK_MEASURES}


def column_of(name: str) -> Column | None:
    """Return what a column holds; a device is what stands between the prefix and the last known measure, exactly."""
    if name in OF_THE_MACHINE:
        return Column(OF_THE_MACHINE[name], "")
    prefix, _, rest = name.partition("_")
    for measure, metric in OF_DEVICES.get(prefix, {}).items():
        device = rest.removesuffix(f"_{measure}")
        if device not in ("", rest):
            return Column(metric, device)
    return None


def name_of(prefix: str, device: str, measure: str) -> str:
    return f"{prefix}_{device}_{measure}"

"""
nvme[*], by option: wear and health of NVMe disks, once a minute, one JSON object a line for each controller.

Its state anybody may read. The rest is in the disk's own log of its health, for which only root may ask: without that
it is left out, and the record says why.
"""

import errno
import fcntl
import logging
import os
import struct
from array import array
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source, now_and_then
from appliance.collect.sources.sysfs import records, text

logger = logging.getLogger(__name__)

SECONDS = 60
NVME_IOCTL_ADMIN_CMD = 0xC0484E41
COMMAND = struct.Struct("=BBHIIIQQIIIIIIIIII")
"""
struct nvme_passthru_cmd: operation, flags, nothing, name space, two unused words, place of metadata and of data, their
sizes, six words of the command, milliseconds of patience, and a result.
"""
GET_LOG_PAGE, WHOLE_CONTROLLER = 0x02, 0xFFFFFFFF
HEALTH_LOG, LOG_BYTES = 0x02, 512
ANSWER_MS = 1000
DATA_UNIT_BYTES = 512 * 1000
LARGEST = 2**63 - 1

HEAD = struct.Struct("<B2xBBB")
"""Warning, temperature (which hwmon has), spare, its threshold, life used."""
COUNTER_BYTES = 16
COUNTERS = {
    32: ("read_bytes", DATA_UNIT_BYTES),
    48: ("written_bytes", DATA_UNIT_BYTES),
    64: ("reads", 1),
    80: ("writes", 1),
    96: ("busy_seconds", 60),
    112: ("power_cycles", 1),
    128: ("power_on_seconds", 3600),
    144: ("unsafe_shutdowns", 1),
    160: ("media_errors", 1),
    176: ("error_log_entries", 1),
}
"""Where each counter begins, and how much one of it is."""
MINUTES_AT, MINUTES = 192, struct.Struct("<II")
"""Above the warning temperature, and above the critical one."""


def source(root: str) -> Source:
    """/sys and /dev are beside /proc."""
    told: set[str] = set()
    return now_and_then(records("nvme[*]", root, "class/nvme", partial(disks, told=told)), SECONDS)


def disks(place: Path, told: set[str]) -> Iterator[dict[str, Any]]:
    """Give the record of each controller; why one has no log is said once, by its name, in `told`."""
    folders = sorted((place / "class/nvme").glob("nvme[0-9]*"))
    if not folders:
        raise FileNotFoundError(2, "this machine has no NVMe disk")
    for folder in folders:
        state = text(folder / "state")
        record: dict[str, Any] = {"name": folder.name, "model": text(folder / "model"), "state": state}
        if state:
            record["live"] = int(state == "live")
        try:
            record |= health(health_log(place.parent / "dev" / folder.name))
        except OSError as error:
            record["without_log"] = error.strerror or str(error)
            if folder.name not in told:
                told.add(folder.name)
                logger.warning("The wear of %s is not recorded: %s.", folder.name, record["without_log"])
        yield record


def health_log(device: Path) -> bytes:
    """Ask a controller for its log of 512 bytes; raise OSError where it gives none."""
    page = array("B", bytes(LOG_BYTES))
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Changeable, because only then the call returns the status.
        status = fcntl.ioctl(descriptor, NVME_IOCTL_ADMIN_CMD, bytearray(command(page.buffer_info()[0])))
    finally:
        os.close(descriptor)
    if status:
        raise OSError(errno.EIO, f"the disk refuses its log with status {status:#x}")
    return page.tobytes()


def command(address: int) -> bytes:
    """Return struct nvme_passthru_cmd that asks for the log of health; its length is told in words, less one."""
    log = (LOG_BYTES // 4 - 1) << 16 | HEALTH_LOG
    return COMMAND.pack(
        GET_LOG_PAGE, 0, 0, WHOLE_CONTROLLER, 0, 0, 0, address, 0, LOG_BYTES, log, 0, 0, 0, 0, 0, ANSWER_MS, 0
    )  # fmt: skip


def health(page: bytes) -> dict[str, int]:
    """Read the SMART / Health Information log of the NVMe specification; what is too large for a sample is left out."""
    warning, spare, threshold, used = HEAD.unpack_from(page)
    found = {
        "critical_warning": warning,
        "available_spare": spare,
        "spare_threshold": threshold,
        "percentage_used": used,
    }
    for at, (key, factor) in COUNTERS.items():
        found[key] = int.from_bytes(page[at : at + COUNTER_BYTES], "little") * factor
    found["warm_seconds"], found["hot_seconds"] = (minutes * 60 for minutes in MINUTES.unpack_from(page, MINUTES_AT))
    return {key: number for key, number in found.items() if number <= LARGEST}

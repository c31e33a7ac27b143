"""
What the hardware says under /sys, where there is any: frequency, heat, links, memory errors, NUMA nodes.

Such a file may take its time, or wait for a device that does not answer: it is asked now and then, with a deadline.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.collect.patience import Patience
from appliance.collect.sources import PATIENT_SECONDS, SHORT_BYTES, Source, now_and_then, read_all

SECONDS = 10
SYSTEM = "devices/system"
NUMA_FIELDS = ("MemTotal", "MemFree", "FilePages", "AnonPages")

SENSORS = {"temp": "millidegrees", "fan": "turns_per_minute", "in": "millivolts"}
"""What the files of a sensor chip begin with, and what their numbers are."""

Records = Callable[[Path], Iterator[dict[str, Any]]]


def cpufreq(root: str) -> Source:
    return records("cpufreq[*]", root, f"{SYSTEM}/cpu/cpu0/cpufreq", frequencies)


def throttle(root: str) -> Source:
    return records("thermal_throttle[*]", root, f"{SYSTEM}/cpu/cpu0/thermal_throttle", throttles)


def hwmon(root: str) -> Source:
    return records("hwmon[*]", root, "class/hwmon/hwmon0", sensors)


def thermal(root: str) -> Source:
    return records("thermal_zone[*]", root, "class/thermal/thermal_zone0", zones)


def cooling(root: str) -> Source:
    return records("cooling_device[*]", root, "class/thermal/cooling_device0", coolers)


def carrier(root: str) -> Source:
    return records("carrier[*]", root, "class/net/lo", links)


def edac(root: str) -> Source:
    return records("edac[*]", root, f"{SYSTEM}/edac/mc/mc0", memory_errors)


def numa(root: str) -> Source:
    return records("numa[*]", root, f"{SYSTEM}/node/node1", nodes)


def records(subsystem: str, root: str, sign: str, look: Records, seconds: float = SECONDS) -> Source:
    """
    Make a source of records, one JSON object a line; /sys is beside /proc, and without `sign` there are none.

    It is asked once in so many seconds.
    """
    place = Path(root).parent / "sys"

    def lines() -> str | None:
        return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in look(place)) or None

    asked = Patience(lines)

    def ask() -> str | None:
        # Looked for here, because a thread costs memory, and most machines lack most of these.
        if not (place / sign).exists():
            raise has_none()
        return asked.ask()

    return now_and_then(Source(subsystem, ask, limit_seconds=PATIENT_SECONDS), seconds)


def has_none() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "this machine has none")


def frequencies(place: Path) -> Iterator[dict[str, Any]]:
    for folder in cpus(place):
        if (kilohertz := number(folder / "cpufreq/scaling_cur_freq")) is not None:
            yield {"name": folder.name[3:], "hertz": kilohertz * 1000}


def throttles(place: Path) -> Iterator[dict[str, Any]]:
    for folder in cpus(place):
        counts = {
            key: count
            for key in ("core", "package")
            if (count := number(folder / f"thermal_throttle/{key}_throttle_count")) is not None
        }
        if counts:
            yield {"name": folder.name[3:], **counts}


def sensors(place: Path) -> Iterator[dict[str, Any]]:
    """A sensor is called by its chip, the chip's number and the sensor's label: "coretemp 0 Core 1"."""
    for chip in sorted((place / "class/hwmon").glob("hwmon*")):
        for kind, key in SENSORS.items():
            for file in sorted(chip.glob(f"{kind}*_input")):
                if (found := number(file)) is not None:
                    sensor = file.name.removesuffix("_input")
                    label = text(chip / f"{sensor}_label") or sensor
                    yield {"name": f"{text(chip / 'name')} {chip.name[5:]} {label}".strip(), key: found}


def coolers(place: Path) -> Iterator[dict[str, Any]]:
    """A cooling device is called by its number and its type: "0 Processor"."""
    for folder in sorted((place / "class/thermal").glob("cooling_device*")):
        state, most = number(folder / "cur_state"), number(folder / "max_state")
        if state is not None:
            record = {"name": f"{folder.name[14:]} {text(folder / 'type')}".strip(), "state": state}
            yield record if most is None else {**record, "most": most}


def zones(place: Path) -> Iterator[dict[str, Any]]:
    """A zone is called by its number and its type: "0 acpitz"."""
    for folder in sorted((place / "class/thermal").glob("thermal_zone*")):
        if (degrees := number(folder / "temp")) is not None:
            yield {"name": f"{folder.name[12:]} {text(folder / 'type')}".strip(), "millidegrees": degrees}


def links(place: Path) -> Iterator[dict[str, Any]]:
    for folder in sorted((place / "class/net").iterdir()):
        if (changes := number(folder / "carrier_changes")) is not None:
            yield {"name": folder.name, "changes": changes}


def memory_errors(place: Path) -> Iterator[dict[str, Any]]:
    for folder in sorted((place / SYSTEM / "edac/mc").glob("mc[0-9]*")):
        corrected, uncorrected = number(folder / "ce_count"), number(folder / "ue_count")
        if corrected is not None and uncorrected is not None:
            yield {"name": folder.name, "corrected": corrected, "uncorrected": uncorrected}


def nodes(place: Path) -> Iterator[dict[str, Any]]:
    """A single node says nothing that /proc/meminfo does not say."""
    for folder in sorted((place / SYSTEM / "node").glob("node[0-9]*")):
        record: dict[str, Any] = {"node": int(folder.name[4:])}
        for line in text(folder / "meminfo").splitlines():
            words = line.replace(":", "").split()
            if len(words) == 5 and words[2] in NUMA_FIELDS:
                record[words[2]] = int(words[3]) * 1024
        for line in text(folder / "numastat").splitlines():
            field, _, count = line.partition(" ")
            record[field] = int(count)
        yield record


def cpus(place: Path) -> list[Path]:
    return sorted((place / SYSTEM / "cpu").glob("cpu[0-9]*"), key=lambda folder: int(folder.name[3:]))


def number(path: Path) -> int | None:
    """Return a file's number, or None where it is not there or cannot be read at present."""
    try:
        return int(content(path))
    except (OSError, ValueError):
        return None


def text(path: Path) -> str:
    try:
        return content(path).decode("utf-8", "backslashreplace").strip()
    except OSError:
        return ""


def content(path: Path) -> bytes:
    """Read a small file, by two system calls where `Path` needs ten."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_all(descriptor, SHORT_BYTES)
    finally:
        os.close(descriptor)

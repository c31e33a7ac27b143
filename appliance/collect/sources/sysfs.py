"""
What the hardware says under /sys, where there is any: frequency, heat, memory errors, NUMA nodes.

Such a file may take its time, or wait for a device that does not answer: it is asked now and then, with a deadline.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.collect.patience import Patience
from appliance.collect.sources import Source, now_and_then

SECONDS = 10
SYSTEM = "devices/system"
NUMA_FIELDS = ("MemTotal", "MemFree", "FilePages", "AnonPages")

Records = Callable[[Path], Iterator[dict[str, Any]]]


def cpufreq(root: str) -> Source:
    return records("cpufreq[*]", root, frequencies)


def throttle(root: str) -> Source:
    return records("thermal_throttle[*]", root, throttles)


def hwmon(root: str) -> Source:
    return records("hwmon[*]", root, temperatures)


def edac(root: str) -> Source:
    return records("edac[*]", root, memory_errors)


def numa(root: str) -> Source:
    return records("numa[*]", root, nodes)


def records(subsystem: str, root: str, look: Records) -> Source:
    """Make a source of records, one JSON object a line; /sys is beside /proc."""
    place = Path(root).parent / "sys"

    def lines() -> str:
        found = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in look(place))
        if not found:
            raise FileNotFoundError(2, "this machine has none")
        return found

    asked = Patience(lines)
    return now_and_then(Source(subsystem, asked.ask), SECONDS)


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


def temperatures(place: Path) -> Iterator[dict[str, Any]]:
    """A sensor is called by its chip, the chip's number and the sensor's label: "coretemp 0 Core 1"."""
    for chip in sorted((place / "class/hwmon").glob("hwmon*")):
        for file in sorted(chip.glob("temp*_input")):
            if (degrees := number(file)) is not None:
                sensor = file.name.removesuffix("_input")
                label = text(chip / f"{sensor}_label") or sensor
                yield {"name": f"{text(chip / 'name')} {chip.name[5:]} {label}".strip(), "millidegrees": degrees}


def memory_errors(place: Path) -> Iterator[dict[str, Any]]:
    for folder in sorted((place / SYSTEM / "edac/mc").glob("mc[0-9]*")):
        corrected, uncorrected = number(folder / "ce_count"), number(folder / "ue_count")
        if corrected is not None and uncorrected is not None:
            yield {"name": folder.name, "corrected": corrected, "uncorrected": uncorrected}


def nodes(place: Path) -> Iterator[dict[str, Any]]:
    """A single node says nothing that /proc/meminfo does not say."""
    folders = sorted((place / SYSTEM / "node").glob("node[0-9]*"))
    for folder in folders if len(folders) > 1 else []:
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
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "backslashreplace").strip()
    except OSError:
        return ""

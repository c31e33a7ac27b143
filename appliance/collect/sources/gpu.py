"""gpu[*], by option: what the drivers of AMD's and Intel's graphics processors say under /sys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source
from appliance.collect.sources.sysfs import has_none, number, records, text

SECONDS = 0.95
DRIVERS = ("amdgpu", "i915", "xe")
CARD_FILES = (
    ("percent", 1, "device/gpu_busy_percent"),
    ("memory_used", 1, "device/mem_info_vram_used"),
    ("memory", 1, "device/mem_info_vram_total"),
    ("hertz", 1_000_000, "gt_act_freq_mhz"),
    ("hertz", 1_000_000, "device/tile0/gt0/freq0/act_freq"),
)
"""What it is, by what its number is multiplied, and where it stands."""
SENSOR_FILES = (
    ("microwatts", "power1_average"),
    ("microwatts", "power1_input"),
    ("millidegrees", "temp1_input"),
    ("hertz", "freq1_input"),
)
"""What its sensors say: older kernels average the power, and newer ones do not."""


def source(root: str) -> Source:
    return records("gpu[*]", root, "class/drm", cards, SECONDS)


def cards(place: Path) -> Iterator[dict[str, Any]]:
    """A card is called by its number and its driver: "0 amdgpu". One that sleeps would be woken: it is not asked."""
    found = False
    for folder in sorted((place / "class/drm").glob("card*")):
        # Its outputs, as "card0-HDMI-A-1", are beside it.
        card, driver = folder.name[4:], (folder / "device/driver").resolve().name
        if not card.isdigit() or driver not in DRIVERS:
            continue
        found = True
        if text(folder / "device/power/runtime_status") == "suspended":
            continue
        if record := ask(folder):
            yield {"name": f"{card} {driver}", **record}
    if not found:
        raise has_none()


def ask(folder: Path) -> dict[str, int]:
    record: dict[str, int] = {}
    for key, factor, file in CARD_FILES:
        if key not in record and (found := number(folder / file)) is not None:
            record[key] = found * factor
    for chip in sorted(folder.glob("device/hwmon/hwmon*")):
        for key, file in SENSOR_FILES:
            if key not in record and (found := number(chip / file)) is not None:
                record[key] = found
    return record

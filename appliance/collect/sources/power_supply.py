"""power_supply[*], by option: how full batteries are, what goes into or out of them, and whether mains are there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source
from appliance.collect.sources.sysfs import has_none, number, records, text

FOLDER = "class/power_supply"
FILES = {
    "capacity": "percent",
    "energy_now": "microwatt_hours",
    "energy_full": "microwatt_hours_full",
    "charge_now": "microampere_hours",
    "charge_full": "microampere_hours_full",
    "online": "online",
}
"""The files of a supply, and what their numbers are."""

BATTERIES = ("Battery", "UPS")
"""The types of those whose power is told: a USB port says what it could give."""


def source(root: str) -> Source:
    return records("power_supply[*]", root, FOLDER, supplies)


def supplies(place: Path) -> Iterator[dict[str, Any]]:
    """What a supply does not say is left out of its record: a mouse knows little of its battery."""
    folders = sorted((place / FOLDER).iterdir())
    if not folders:
        raise has_none()
    for folder in folders:
        record = {key: found for file, key in FILES.items() if (found := number(folder / file)) is not None}
        if text(folder / "type") in BATTERIES and (microwatts := power(folder)) is not None:
            record["microwatts"] = microwatts
        status = text(folder / "status")
        if status and status != "Unknown":
            record |= {"charging": int(status == "Charging"), "discharging": int(status == "Discharging")}
        if record:
            yield {"name": folder.name, **record}


def power(folder: Path) -> int | None:
    """Return what goes in or out; some drivers say current and voltage instead, and some a sign for the direction."""
    microwatts = number(folder / "power_now")
    if microwatts is None:
        current, voltage = number(folder / "current_now"), number(folder / "voltage_now")
        if current is None or voltage is None:
            return None
        return abs(current * voltage) // 1_000_000
    return abs(microwatts)

"""
rapl[*], by option: the energy that processors and memory used, as the processor itself counts it (Intel and AMD).

Since 2020 only root may read it: how much energy a moment takes tells others what is computed.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source
from appliance.collect.sources.sysfs import content, number, records, text

SECONDS = 0.95
"""The smallest counters begin again after four minutes at 250 W: they are looked at often."""
FOLDER = "class/powercap"


def source(root: str) -> Source:
    return records("rapl[*]", root, f"{FOLDER}/intel-rapl:0", Zones().look, SECONDS)


class Zones:
    """The counters of a machine, and what each has counted over all its rounds."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, int]] = {}
        """What each said last, and what that is more than its first round."""

    def look(self, place: Path) -> Iterator[dict[str, Any]]:
        """
        A zone is called by its number and its name: "0 package-0", "0:0 core".

        The same package is under intel-rapl-mmio again, which is passed over.
        """
        found = refused = 0
        for folder in sorted((place / FOLDER).glob("intel-rapl:*")):
            try:
                energy = int(content(folder / "energy_uj"))
            except PermissionError:
                refused += 1
                continue
            except (OSError, ValueError):
                continue
            found += 1
            zone = folder.name.removeprefix("intel-rapl:")
            most = number(folder / "max_energy_range_uj") or 0
            yield {"name": f"{zone} {text(folder / 'name')}".strip(), "microjoules": self.total(zone, energy, most)}
        if refused and not found:
            raise PermissionError(errno.EACCES, "only root may read how much energy is used")

    def total(self, zone: str, energy: int, most: int) -> int:
        """
        Return what a zone used as a number that never falls: `energy` begins again with 0 after `most`.

        A counter that fell from its lower half did not come around: it was set to 0, as by a sleep of the machine.
        """
        before, beyond = self.known.get(zone, (0, 0))
        if energy < before:
            beyond += most if before >= most / 2 > energy else before
        self.known[zone] = energy, beyond
        return energy + beyond

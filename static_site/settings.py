"""What can be chosen about a report, for all machines and for each; plain data with its defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AUTO, BUSIEST = "auto", "busiest"
THEMES = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class MachineSettings:
    name: str = ""
    """Shown instead of its own."""
    primary_disk: str = AUTO
    """auto (up to four by traffic), busiest, or a name."""
    primary_interface: str = AUTO
    formerly: tuple[str, ...] = ()
    """Ids that the machine had before: their addresses lead to it."""


DEFAULT = MachineSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    theme: str = "system"
    charts: bool = True
    """Without charts, pages have their tables only."""
    all_machines: MachineSettings = DEFAULT
    machines: Mapping[str, MachineSettings] = field(default_factory=dict)

    def of(self, machine_id: str) -> MachineSettings:
        return self.machines.get(machine_id, self.all_machines)


DEFAULTS = Settings()

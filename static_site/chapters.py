"""A machine's resources: each is a page of its own, and a few lines and one chart on the machine's first page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.metrics import Group
from static_site.content import Figure, Section
from static_site.sections import container, cpu, disk, filesystem, memory, network, pressure, process, system
from static_site.subject import Subject


@dataclass(frozen=True, slots=True)
class Resource:
    slug: str
    """The name of its page."""
    title: str
    sections: Sequence[Callable[[Subject], Section | None]]
    measures: str
    """The section of the key metrics that belong to it."""
    found: Sequence[str]
    """The resources, as findings call them, that belong to it."""
    groups: Sequence[Group]
    """Where its metrics are stored."""
    nothing: str = ""
    """What is said if no section has anything to say."""


RESOURCES = [
    Resource(
        "cpu", "CPU", [cpu.section], "cpu", ["cpu"], [Group.CPU, Group.SHARE, Group.CPU_SHARE, Group.LOAD]
    ),
    Resource("memory", "Memory", [memory.section], "memory", ["memory"], [Group.MEMORY, Group.PAGING]),
    Resource("pressure", "Pressure", [pressure.section], "pressure", ["pressure"], [Group.PRESSURE]),
    Resource("disk", "Disks", [disk.section], "disks", ["disk"], [Group.DISK, Group.DISK_RATE]),
    Resource(
        "network", "Network", [network.section], "network", ["network"],
        [Group.NETWORK, Group.NETWORK_RATE, Group.PROTOCOL, Group.SOFTNET],
    ),
    Resource(
        "filesystem", "File systems", [filesystem.section], "filesystems", ["filesystem"],
        [Group.FILESYSTEM, Group.INODE],
    ),
    Resource(
        "process", "Processes and containers", [process.section, container.section], "process",
        ["process", "container"], [Group.PROCESS, Group.CONTAINER, Group.CGROUP],
        "Not collected: the data names neither processes nor containers.",
    ),
    Resource(
        "system", "System", [system.section], "system", ["system", "data", "kernel", "clock"],
        [Group.UPTIME, Group.KERNEL, Group.CLOCK, Group.SCHEDULER, Group.RECORDER, Group.EVENT],
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chapter:
    resource: Resource
    sections: Sequence[Section]

    @property
    def figures(self) -> list[Figure]:
        return [part for section in self.sections for part in section.parts if isinstance(part, Figure)]


def chapters(subject: Subject) -> list[Chapter]:
    """Draw all of a machine's resources."""
    found = []
    for resource in RESOURCES:
        made = [section(subject) for section in resource.sections] if subject.has_samples else []
        sections = [section for section in made if section is not None]
        if not sections and subject.has_samples:
            sections = [Section(resource.measures, resource.title, resource.nothing)]
        found.append(Chapter(resource, sections))
    return found

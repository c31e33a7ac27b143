"""/proc/pressure/*: time that tasks spent waiting, a file for each resource; older kernels have none or not all."""

from appliance.collect.sources import Source, whole_file


def cpu(root: str) -> Source:
    return whole_file(root, "pressure/cpu")


def memory(root: str) -> Source:
    return whole_file(root, "pressure/memory")


def io(root: str) -> Source:
    return whole_file(root, "pressure/io")


def irq(root: str) -> Source:
    return whole_file(root, "pressure/irq")

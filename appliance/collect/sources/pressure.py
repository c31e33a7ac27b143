"""
/proc/pressure/*: time that tasks spent waiting, a file for each resource; older kernels have none or not all.

The kernel's averages are left out: they are made of the total, always change, and would be 3 % of all that is sent.
"""

import re

from appliance.collect.sources import Source, reader

AVERAGES = re.compile(r"avg\d+=[\d.]+ ")


def cpu(root: str) -> Source:
    return totals(root, "cpu")


def memory(root: str) -> Source:
    return totals(root, "memory")


def io(root: str) -> Source:
    return totals(root, "io")


def irq(root: str) -> Source:
    return totals(root, "irq")


def totals(root: str, resource: str) -> Source:
    read = reader(f"{root}/pressure/{resource}")
    return Source(f"/proc/pressure/{resource}", lambda: AVERAGES.sub("", read()))

"""/proc/interrupts and /proc/softirqs, by option: how often each interrupt line and each deferred kind was served."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "interrupts")


def deferred(root: str) -> Source:
    return whole_file(root, "softirqs")

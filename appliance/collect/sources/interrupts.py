"""/proc/interrupts, by option: how often each interrupt line was served."""

from appliance.collect.sources import Source, whole_file


def source(root: str) -> Source:
    return whole_file(root, "interrupts")

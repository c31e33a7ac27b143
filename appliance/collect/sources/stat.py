"""/proc/stat: CPU time by mode, in all and per CPU, and the kernel's counts of activity."""

from appliance.collect.sources import Source, reader


def source(root: str) -> Source:
    read = reader(f"{root}/stat")
    return Source("/proc/stat", lambda: without_interrupts(read()))


def without_interrupts(text: str) -> str:
    """
    Leave out what the `intr` line has behind its total: a number for each interrupt, hundreds of them, most of them 0.

    The `softirq` line stays whole: it is short, and the original's parser refuses it without its ten numbers.
    """
    start = text.find("\nintr ") + 1
    if not start:
        return text
    end = text.find("\n", start)
    total = text.find(" ", start + len("intr "), end)
    return text if total < 0 else text[:total] + text[end:]

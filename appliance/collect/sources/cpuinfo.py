"""/proc/cpuinfo: what the processors are: read once a run, and again when it has changed."""

import time
from collections.abc import Callable

from appliance.collect.sources import MOST_BYTES, NOT_NOW, Source, read_text

LOOK_AGAIN_SECONDS = 60
"""Processors come and go rarely, and with many of them the file is long: half of an original's recording."""
PLACES = ("processor", "physical id", "siblings", "core id", "cpu cores")
ALWAYS_CHANGING = ("cpu MHz", "bogomips", "BogoMIPS")


def source(root: str, monotonic: Callable[[], float] = time.monotonic) -> Source:
    told = ""
    looked = float("-inf")

    def read() -> str | dict[str, str] | None:
        nonlocal told, looked
        if monotonic() - looked < LOOK_AGAIN_SECONDS:
            return NOT_NOW
        text = read_text(f"{root}/cpuinfo")
        looked = monotonic()
        if lasting(text) == told:
            return None
        told = lasting(text)
        return text if len(text) <= MOST_BYTES else shortened(text)

    def again() -> None:
        nonlocal told, looked
        told, looked = "", float("-inf")

    return Source("/proc/cpuinfo", read, again)


def shortened(text: str) -> str:
    """Leave out what is the same of hundreds of processors: of all but the first, which they are is kept."""
    first, *others = text.split("\n\n")
    kept = ["\n".join([line for line in other.split("\n") if line.startswith(PLACES)]) for other in others]
    return "\n\n".join([first, *kept])


def lasting(text: str) -> str:
    """Return the lines that say what a processor is, without those that say how fast it runs at the moment."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(ALWAYS_CHANGING))

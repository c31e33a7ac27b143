"""perfanalysis[facts]: what the machine is and how it is set up, once a run, and again when it has changed."""

import json
import time
from collections.abc import Callable

from appliance.collect import machine_facts
from appliance.collect.patience import Patience
from appliance.collect.sources import NOT_NOW, PATIENT_SECONDS, Source

LOOK_AGAIN_SECONDS = 300
"""It reads some hundred files: three milliseconds."""


def source(root: str, monotonic: Callable[[], float] = time.monotonic) -> Source:
    told = ""
    due = float("-inf")
    # A driver may take its time to say how fast an interface is.
    asked = Patience(lambda: json.dumps(machine_facts.describe(root)) + "\n")

    def read() -> str | dict[str, str] | None:
        nonlocal told, due
        if monotonic() < due:
            return NOT_NOW
        text = asked.ask()
        due = monotonic() + LOOK_AGAIN_SECONDS
        if text == told:
            return None
        told = text
        return text

    def again() -> None:
        nonlocal told, due
        told, due = "", float("-inf")

    return Source("perfanalysis[facts]", read, again, PATIENT_SECONDS)

"""
nvidia[*], by option: what NVIDIA's own library says of its graphics processors, where the driver brought it.

To ask keeps them awake.
"""

import ctypes
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.collect.sources import Source
from appliance.collect.sources.gpu import SECONDS
from appliance.collect.sources.sysfs import has_none, records

LIBRARY = "libnvidia-ml.so.1"
NAME_BYTES = 96
TEMPERATURE_OF_CHIP = CLOCK_OF_GRAPHICS = 0
NUMBERS: tuple[tuple[str, str, tuple[int, ...], int], ...] = (
    ("microwatts", "nvmlDeviceGetPowerUsage", (), 1000),
    ("millidegrees", "nvmlDeviceGetTemperature", (TEMPERATURE_OF_CHIP,), 1000),
    ("hertz", "nvmlDeviceGetClockInfo", (CLOCK_OF_GRAPHICS,), 1_000_000),
)
"""What it is, which function says it, what that one is asked with, and by what its number is multiplied."""


def source(root: str) -> Source:
    return records("nvidia[*]", root, ".", Gpus().look, SECONDS)


class Gpus:
    def __init__(self, name: str = LIBRARY) -> None:
        self.name = name
        self.library: ctypes.CDLL | None = None

    def look(self, place: Path) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - the library knows where
        """A GPU is called by its number and its name: "0 NVIDIA A2"; what it cannot say is left out."""
        if self.library is None:
            self.library = self.load()
        library, count = self.library, ctypes.c_uint()
        check(library, library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
        if not count.value:
            raise has_none()
        for index in range(count.value):
            device = ctypes.c_void_p()
            check(library, library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)))
            name = ctypes.create_string_buffer(NAME_BYTES)
            library.nvmlDeviceGetName(device, name, NAME_BYTES)
            if record := ask(library, device):
                yield {"name": f"{index} {name.value.decode('utf-8', 'backslashreplace')}".strip(), **record}

    def load(self) -> ctypes.CDLL:
        """Load the library and keep it: to begin anew each time, as nvidia-smi does, takes a second."""
        try:
            # By a name that is no literal: a frozen program must take the library of the machine, not bring one.
            library = ctypes.CDLL(self.name)
        except OSError as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from None
        library.nvmlErrorString.restype = ctypes.c_char_p
        check(library, library.nvmlInit_v2())
        return library


def check(library: ctypes.CDLL, code: int) -> None:
    if code:
        said = library.nvmlErrorString(code).decode("utf-8", "backslashreplace")
        raise OSError(errno.EIO, f"NVIDIA's library: {said}")


def ask(library: ctypes.CDLL, device: ctypes.c_void_p) -> dict[str, int]:
    record: dict[str, int] = {}
    gpu_and_memory = (ctypes.c_uint * 2)()
    if not library.nvmlDeviceGetUtilizationRates(device, gpu_and_memory):
        record["percent"] = gpu_and_memory[0]
    total_free_used = (ctypes.c_ulonglong * 3)()
    if not library.nvmlDeviceGetMemoryInfo(device, total_free_used):
        record |= {"memory_used": total_free_used[2], "memory": total_free_used[0]}
    for key, function, arguments, factor in NUMBERS:
        found = ctypes.c_uint()
        if not getattr(library, function)(device, *arguments, ctypes.byref(found)):
            record[key] = found.value * factor
    return record

"""
Memory that is free goes back to the system: what a large batch needed, and what only the start needed.

By `ctypes`, which a recorder has for its clock anyhow. Where the C library or the kernel cannot, all stays as it is.
"""

import re
from contextlib import suppress
from pathlib import Path

MADV_DONTNEED = 4
CODE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-xp [0-9a-f]+ \S+ [1-9]\d* ", re.MULTILINE)
"""Of a list of mappings, those of a program's code, which nobody can have written to: from and to where."""


def give_back() -> None:
    """Give back what is free, wherever it lies."""
    with suppress(ImportError, AttributeError):
        # Late, here and below: who never calls this does not load it.
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).malloc_trim(0)


def forget_start() -> None:
    """Let go of the program's code, of which a start needs most: what is needed again comes from the disk cache."""
    give_back()
    with suppress(ImportError, AttributeError, OSError):
        import ctypes  # noqa: PLC0415

        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int
        for start, end in CODE.findall(Path("/proc/self/maps").read_text()):
            madvise(int(start, 16), int(end, 16) - int(start, 16), MADV_DONTNEED)

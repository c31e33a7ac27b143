"""
timex[*]: whether the kernel's clock is kept right by somebody, and how far off it may be.

The kernel says it to a system call only, for which Python has nothing but `ctypes`. That is loaded at the first reading
and is 0.2 MB of memory and 3 ms once; a reading is a microsecond. A child that asks would be 4 ms each time.
"""

import json
import os
import struct

from appliance.collect.sources import Source, now_and_then

SECONDS = 60
"""A clock that nobody keeps goes wrong by a few milliseconds a minute at most."""
TIMEX = struct.Struct("@I4li")
"""The start of the kernel's struct timex: modes, offset, frequency, most error, estimated error, status."""
TIMEX_BYTES = 512
"""More than it has on any machine."""
UNSYNCHRONISED, NANOSECONDS = 0x40, 0x2000
CLOCK_ERROR = 5


def source(_: str) -> Source:
    return now_and_then(Source("timex[*]", read), SECONDS)


def read() -> str:
    state, timex = adjtimex()
    _, offset, _, most, estimated, status = TIMEX.unpack_from(timex)
    record = {
        # As chrony and timedatectl say it: the state is an error for other reasons, too.
        "synchronised": int(state != CLOCK_ERROR and not status & UNSYNCHRONISED),
        "offset_ns": offset if status & NANOSECONDS else offset * 1000,
        "most_error_us": most,
        "estimated_error_us": estimated,
    }
    return json.dumps(record, separators=(",", ":")) + "\n"


def adjtimex() -> tuple[int, bytes]:
    """Ask the kernel, changing nothing; return the state of the clock and struct timex, or raise OSError."""
    # Late: see above.
    import ctypes  # noqa: PLC0415

    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    if state < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return state, timex.raw

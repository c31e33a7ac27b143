"""A measurement: one source's text at one time, as read; the line of a recording (contracts, section 1)."""

import math
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

META = "perfanalysis[meta]"
FACTS, SOURCES = "perfanalysis[facts]", "perfanalysis[sources]"
EVENT = "perfanalysis[event]"
# A time outside is a wrong unit or a clock that was never set: 2000-01-01 to 2100-01-01.
EARLIEST_SECONDS, LATEST_SECONDS = 946_684_800, 4_102_444_800


class Measurement(NamedTuple):
    timestamp: int | float
    """Unix seconds of the tick, shared by all measurements of one sample."""
    subsystem: str
    text: str

    @property
    def at_ms(self) -> int:
        return round(self.timestamp * 1000)


def line(measurement: Measurement) -> str:
    """Write a measurement as one line of a recording, keys in the order of the original, with its newline."""
    return line_text(line_start(measurement.timestamp), measurement.subsystem, measurement.text)


def line_start(timestamp: int | float) -> str:
    """Return how every line of one sample starts."""
    if not math.isfinite(timestamp):
        raise ValueError("a timestamp is not a number")
    # As JSON writes it; an encoder made for it, at each tick, would cost as much as a source.
    return f'{{"timestamp":{timestamp},"subsystem":'


def line_text(start: str, subsystem: str, text: str) -> str:
    """Complete a line that starts so: this is done some thirty times a sample."""
    return f'{start}{encode_basestring_ascii(subsystem)},"measurement":{encode_basestring_ascii(text)}}}\n'


def refuse_constant(constant: str) -> Any:
    """Refuse NaN and Infinity, which Python's JSON reader would accept: pass as `parse_constant`."""
    raise ValueError(f"{constant} is not a number")


def from_object(record: object) -> Measurement:
    """Check one decoded JSON object and return its measurement; raise ValueError saying what is wrong."""
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    timestamp, subsystem, text = (record.get(key) for key in ("timestamp", "subsystem", "measurement"))
    if isinstance(timestamp, bool) or not isinstance(timestamp, (int, float)):
        raise ValueError('it has no number "timestamp"')
    if not EARLIEST_SECONDS <= timestamp < LATEST_SECONDS:
        raise ValueError(f"its timestamp {timestamp} is not in Unix seconds between the years 2000 and 2100")
    if not isinstance(subsystem, str) or not subsystem:
        raise ValueError('it has no text "subsystem"')
    if not isinstance(text, str):
        raise ValueError('it has no text "measurement"')
    return Measurement(timestamp, subsystem, text)

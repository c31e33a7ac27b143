"""
A record of a spool: one sample as a line of text, with a checksum and a length, so that damage is seen and skipped.

`cut -d' ' -f3-` makes JSON of it. It is ASCII, and a line feed can only be the end of a record.
"""

import json
import re
import zlib
from typing import NamedTuple

# As `encode` writes it: what a checksum vouches for needs no parser.
BODY = re.compile(
    rb'\{"v":1,"seq":(\d+),"run":(\d+),"machine":"([A-Za-z0-9._-]+)","at":(\d+),"measurements":\[(.*)\]\}', re.DOTALL
)
TIMESTAMP = re.compile(rb'\{"timestamp":([0-9.]+)')
GAP = "perfanalysis[gap]"
"""The subsystem of what says that samples were taken and are no more."""
LONGEST_GAP_BYTES = 300


class Record(NamedTuple):
    number: int
    run: int
    machine: str
    at_ms: int
    """When it was put, by the wall clock."""
    sample: bytes
    """Lines of a recording between commas."""

    @property
    def timestamp(self) -> float:
        found = TIMESTAMP.match(self.sample)
        return float(found[1]) if found else 0.0


def encode(record: Record) -> bytes:
    """Write a record as a line."""
    body = b'{"v":1,"seq":%d,"run":%d,"machine":"%s","at":%d,"measurements":[%s]}' % (
        record.number, record.run, record.machine.encode("ascii"), record.at_ms, joined(record.sample),
    )  # fmt: skip
    return b"%08x %d %s\n" % (zlib.crc32(body), len(body), body)


def decode(line: bytes) -> Record | None:
    """Read a line; None if it is not as it was written."""
    checksum, _, rest = line.partition(b" ")
    length, _, ending = rest.partition(b" ")
    body = ending[:-1]
    if line[-1:] != b"\n" or length != b"%d" % len(body) or checksum != b"%08x" % zlib.crc32(body):
        return None
    found = BODY.fullmatch(body)
    if found is None:
        return None
    return Record(int(found[1]), int(found[2]), found[3].decode("ascii"), int(found[4]), found[5])


def joined(lines: bytes) -> bytes:
    """Put commas where lines of a recording end: inside a JSON text there is no line feed."""
    return lines.rstrip(b"\n").replace(b"\n", b",")


def as_lines(sample: bytes) -> bytes:
    """Make lines of a recording of what `joined` made: inside a JSON text no quote stands without a backslash."""
    return joined(sample).replace(b'},{"timestamp":', b'}\n{"timestamp":') + b"\n"


def gap(start: float, end: float, dropped: int) -> bytes:
    """Return the line of a recording that says that samples were taken and are no more."""
    said = json.dumps({"from": whole(start), "to": whole(end), "dropped": dropped}) + "\n"
    record = {"timestamp": whole(end), "subsystem": GAP, "measurement": said}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def told_gap(record: Record) -> tuple[float, float, int] | None:
    """Return what a record of `gap` says; None for any other sample."""
    if len(record.sample) > LONGEST_GAP_BYTES or GAP.encode() not in record.sample:
        return None
    try:
        said = json.loads(json.loads(record.sample)["measurement"])
        return float(said["from"]), float(said["to"]), int(said["dropped"])
    except (ValueError, KeyError, TypeError):
        return None


def whole(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else seconds

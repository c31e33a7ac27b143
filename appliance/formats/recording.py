"""A recording: one measurement a line, as JSON (contracts, section 1), plain or gzipped, of either age."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from appliance.errors import BadData, InvalidMachineId, NoInput
from appliance.formats.unzipped import Unzipped
from appliance.measurement import Measurement, from_object, refuse_constant
from appliance.samples import Parsed, from_measurements

MAX_LINE_BYTES = 16 << 20
"""A measurement of a machine with 1,024 CPUs has 2 MB."""
GZIP_MAGIC = b"\x1f\x8b"
RECORD_BEGINS = b"{"
RECORD = re.compile(rb'\{"(?:timestamp|Site)" ?:')
MAX_TEARS = 8
"""In one line. Each costs a look at all that follows it."""
# The names that recordings get by default say nothing: then the folder's name is the machine's.
SPEECHLESS = {"host", "containers", "recording", "pcc", "test_pcc", "perf_data", "performance", "portal"}
SPEECHLESS_FOLDERS = {"pcprocess_csv"}
DESCRIPTORS = Path("/proc/self/fd")
"""Where a file is that has no name: standard input, or an upload."""


def read(path: Path, machine: str = "", name: str = "") -> Parsed:
    """
    Read a recording from disk; `name` is what messages call it instead of its path.

    The machine is `machine`, else the one that the recording names, else the file's name or its folder's. A file cut
    in the middle of a line is read up to the cut, with a warning. Raises NoInput or BadData, naming file and line.
    """
    warnings: list[str] = []
    name = name or str(path)
    with open_bytes(path) as stream:
        measurements = list(lines(stream, name, warnings))
    if not measurements:
        raise NoInput(f"{name} is empty: a recording has one JSON object a line.")
    named = machine or ("" if measurements[0].subsystem == "perfanalysis[meta]" else machine_from(path))
    try:
        parsed = from_measurements(measurements, named)
    except BadData as error:
        raise type(error)(f"{name}: {error.message}") from error
    if not parsed.samples:
        raise BadData(f"{name} holds no measurement of a known source: it is not a recording that can be read.")
    parsed.warnings[:0] = warnings
    return parsed


def machine_from(path: Path) -> str:
    """
    Name the machine of what does not: by the file or folder, or by its folder where its own name is generic.

    Raises InvalidMachineId for what has no name.
    """
    if path.parent == DESCRIPTORS:
        raise InvalidMachineId("The file does not say which machine it is of: name it with --machine-id.")
    named = path.absolute().parent.name if is_speechless(path) else stem_of(path)
    text = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in named)
    return text.strip(".-_")[:64] or "machine"


def is_speechless(path: Path) -> bool:
    """Say whether a file or folder has a name that says nothing about the machine."""
    return path.name in SPEECHLESS_FOLDERS if path.is_dir() else stem_of(path) in SPEECHLESS


def stem_of(path: Path) -> str:
    if path.is_dir():
        return path.absolute().name
    return path.name.removesuffix(".gz").removesuffix(".json").removesuffix(".csv")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, unzipped by its content, not its name; raise NoInput with a sentence."""
    try:
        with path.open("rb") as stream:
            zipped = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file = path.open("rb")
        return io.BufferedReader(Unzipped(file)) if zipped else file
    except IsADirectoryError:
        raise NoInput(f"{path} is a folder: name a file.") from None
    except OSError as error:
        raise NoInput(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def sound_gzip() -> Iterator[None]:
    """Refuse a gzip file that is cut or damaged, where it is not wanted in part."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData("The gzip file is cut or damaged: nothing of it was read.") from error


def lines(stream: IO[bytes], name: str, warnings: list[str]) -> Iterator[Measurement]:
    """Give the measurements of a recording; what a cut lost goes into `warnings`."""
    number, size = 0, 0
    try:
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number, size = number + 1, size + len(raw)
            if len(raw) > MAX_LINE_BYTES and number > 1 and not raw.strip(b"\0"):
                warnings.append(f"{name} is cut in line {number}: what follows is zeros, which a power cut leaves.")
                return
            if len(raw) > MAX_LINE_BYTES:
                raise BadData(f"{name} line {number} is longer than 16 MiB: it is not a recording.")
            if not raw.strip():
                continue
            try:
                yield measurement(raw)
            except (ValueError, RecursionError) as error:
                if torn := halves(raw):
                    lost, whole = torn
                    yield from whole
                    if lost:
                        warnings.append(
                            f"{name} is cut in line {number}, and another recording follows there: {lost} bytes of the "
                            "line that was cut are lost."
                        )
                    continue
                if not raw.endswith(b"\n") and number > 1:
                    warnings.append(
                        f"{name} is cut in line {number}: {len(raw)} bytes after the last whole line are lost."
                    )
                    return
                raise BadData(f"{name} line {number} is not a measurement of a recording: {reason(error)}.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if not number:
            raise BadData(f"{name} is not a recording: it is a damaged gzip file.") from error
        warnings.append(f"{name} is cut or damaged after line {number}: what follows in the gzip file is lost.")


def halves(raw: bytes) -> tuple[int, list[Measurement]] | None:
    """
    Read a line in which a recording was cut and another one follows; None if it is no such line.

    Return how many bytes were lost, and the measurements. Inside a measurement a quote has a backslash before it: what
    looks like the start of a record is one.
    """
    if not raw.startswith(RECORD_BEGINS):
        return None
    for start in islice(RECORD.finditer(raw, 1), MAX_TEARS):
        with suppress(ValueError, RecursionError):
            after = measurement(raw[start.start() :])
            before = raw[: start.start()]
            try:
                return 0, [measurement(before), after]
            except (ValueError, RecursionError):
                return len(before), [after]
    return None


def reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    return str(error) or "it is nested too deeply"


def measurement(raw: bytes) -> Measurement:
    record = json.loads(raw.decode("utf-8"), parse_constant=refuse_constant)
    if isinstance(record, dict) and "Measurement" in record and "timestamp" not in record:
        return older(record["Measurement"])
    return from_object(record)


def older(record: object) -> Measurement:
    """Read the older form of a measurement, whose texts may have runs of white space collapsed to one space."""
    if not isinstance(record, dict):
        raise ValueError("its Measurement is not a JSON object")
    stamp, system, text = (record.get(key) for key in ("Timestamp", "System", "Measurement"))
    if not isinstance(stamp, str):
        raise ValueError("its Timestamp is not a text")
    # Python reads at most six digits of a second; the recorders wrote nine.
    date, dot, fraction = stamp.partition(".")
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    at = datetime.fromisoformat(
        date + (dot + fraction[: min(digits, 6)].ljust(6, "0") + fraction[digits:] if dot else "")
    )
    if at.tzinfo is None:
        raise ValueError("its Timestamp has no time zone")
    return from_object({"timestamp": round(at.timestamp(), 3), "subsystem": system, "measurement": text})

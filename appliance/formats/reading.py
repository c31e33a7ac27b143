"""Any file that can be imported, recognised by its content: a recording or a standard CSV, plain or gzipped."""

import json
from pathlib import Path

from appliance.errors import BadData, NoInput, PerfanalysisError
from appliance.formats import containers, recording, standard_csv
from appliance.formats.csv_header import OtherFile
from appliance.samples import Parsed

RECORDING, CSV = "recording", "csv"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
MAX_JSON_BYTES = 4 << 20


def kind_of(path: Path) -> str:
    """Say what a file is: "recording" or "csv"; raise NoInput or BadData for what can be neither."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise NoInput(f"{path} is no regular file.")
    with recording.open_bytes(path) as stream, recording.sound_gzip():
        start = stream.read(64)
    if not start:
        raise NoInput("The file is empty: it is neither a recording nor a standard CSV.")
    if not start.startswith(BYTE_ORDER_MARKS) and start.translate(None, CONTROLS) != start:
        raise BadData("The file is no text, nor gzipped text: it is neither a recording nor a standard CSV.")
    return RECORDING if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else CSV


def read_file(path: Path, machine: str = "", name: str = "") -> Parsed:
    """
    Read a recording or a standard CSV.

    Messages and warnings name the file by its path. If there is a `name`, a recording's name it so, and those about a
    CSV stand alone, with line and column.
    Raises NoInput, BadData and its kinds; OtherFile for a file that is well known and not for import.
    """
    try:
        recorded = kind_of(path) == RECORDING
        parsed = read_recording(path, machine, name) if recorded else standard_csv.read(path, machine)
    except PerfanalysisError as error:
        if name or str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", error_code=error.error_code, details=error.details) from error
    if not name:
        parsed.warnings = [said if str(path) in said else f"{path}: {said}" for said in parsed.warnings]
    return parsed


def read_recording(path: Path, machine: str = "", name: str = "", names: Path | None = None) -> Parsed:
    """
    Read a recording and the names of its containers: from the file `names`, or the usual one beside it.

    The machine is `machine`, else the one that the recording names, else the file's name or its folder's.
    """
    try:
        parsed = recording.read(path, machine, name)
    except BadData as error:
        if is_other_json(path):
            raise OtherFile(f"{name or path} holds JSON and no measurements: it is not a recording.") from error
        raise
    beside = path.parent / containers.NAMES_FILE
    if names is not None:
        containers.name_them(parsed.facts, containers.read_names(names))
    elif any(fact.startswith("container/") for fact in parsed.facts) and beside.is_file():
        try:
            containers.name_them(parsed.facts, containers.read_names(beside))
        except (BadData, NoInput) as error:
            parsed.warnings.append(f"Containers have no names: {error.message}")
    return parsed


def is_other_json(path: Path) -> bool:
    """Say whether a file is one JSON value that no recorder wrote, such as a list of container names."""
    with recording.open_bytes(path) as stream:
        try:
            found = json.loads(stream.read(MAX_JSON_BYTES))
        except (ValueError, RecursionError, OSError, EOFError):
            return False
    return not isinstance(found, dict) or not {"timestamp", "Measurement"} & found.keys()

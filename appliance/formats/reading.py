"""
Whatever can be imported, recognised by its content: a recording, a standard or portal CSV, or a sar-style tree.

Files may be gzipped. A tree is a folder, and is read as one.
"""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from appliance.errors import BadData, NoInput, PerfanalysisError
from appliance.formats import container_names, csv_file, portal_csv, recording, sar_files
from appliance.formats.csv_header import OtherFile
from appliance.samples import Parsed, Sink

RECORDING, CSV, PORTAL, TREE = "recording", "csv", "portal", "sar"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
MAX_JSON_BYTES = 4 << 20
HEAD_BYTES = 4096
PIECE_BYTES = 1 << 20


def kind_of(path: Path) -> str:
    """Say what a file or folder is: one of the kinds above; raise NoInput or BadData for what can be none."""
    if path.is_dir() and sar_files.is_tree(path):
        return TREE
    if path.exists() and not path.is_file() and not path.is_dir():
        raise NoInput(f"{path} is no regular file.")
    with recording.open_bytes(path) as stream, recording.sound_gzip():
        start = stream.read(HEAD_BYTES)
    if not start:
        raise NoInput("The file is empty: it is neither a recording nor a standard CSV.")
    if not start.startswith(BYTE_ORDER_MARKS) and start[:64].translate(None, CONTROLS) != start[:64]:
        raise BadData("The file is no text, nor gzipped text: it is neither a recording nor a standard CSV.")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        return RECORDING
    return PORTAL if portal_csv.is_header(text.partition(b"\n")[0].decode("utf-8", "replace")) else CSV


def read_file(path: Path, machine: str = "", name: str = "", into: Sink | None = None) -> Parsed:
    """
    Read a recording, a CSV of either kind, or a sar-style tree.

    The machine is `machine`, else the one that the file names, else the file's name or its folder's. Messages and
    warnings name the file by its path. If there is a `name`, a recording's name it so, and those about a CSV stand
    alone, with line and column. With `into`, samples go there instead, a part at a time, so that memory does not grow
    with the file; what it holds after an error is to be forgotten.
    Raises NoInput, BadData and its kinds; OtherFile for a file that is well known and not for import.
    """
    try:
        parsed = read_kind(path, kind_of(path), machine, name, into)
    except PerfanalysisError as error:
        if name or str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", error_code=error.error_code, details=error.details) from error
    if not name:
        parsed.warnings = [said if str(path) in said else f"{path}: {said}" for said in parsed.warnings]
    return parsed


def read_kind(path: Path, kind: str, machine: str, name: str, into: Sink | None) -> Parsed:
    if kind == CSV:
        parsed: Parsed = csv_file.read(path, machine, into)
    else:
        parsed = read_whole(path, kind, machine, name)
        if into is not None:
            for part in parsed.samples:
                into.append(part)
    if kind in (CSV, PORTAL) and not is_ended(path):
        parsed.warnings.append("The last line has no line end: the file may be cut there.")
    return parsed


def read_whole(path: Path, kind: str, machine: str, name: str) -> Parsed:
    if kind == RECORDING:
        return read_recording(path, machine, name)
    read = sar_files.read if kind == TREE else portal_csv.read
    return read(path, machine or recording.machine_from(path))


def is_ended(path: Path) -> bool:
    """Say whether a file's last line has an end; what is gzipped has a checksum instead."""
    with path.open("rb") as stream:
        zipped = stream.read(len(recording.GZIP_MAGIC)) == recording.GZIP_MAGIC
        stream.seek(-1, os.SEEK_END)
        return zipped or stream.read(1) in b"\r\n"


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
    beside = names_beside(path, parsed)
    if names is not None:
        container_names.name_them(parsed.facts, container_names.read_names(names))
    elif beside is not None:
        try:
            container_names.name_them(parsed.facts, container_names.read_names(beside))
        except (BadData, NoInput) as error:
            parsed.warnings.append(f"Containers have no names: {error.message}")
    return parsed


def names_beside(path: Path, parsed: Parsed) -> Path | None:
    """Return the file beside a recording that names its containers, if it has any."""
    beside = path.parent / container_names.NAMES_FILE
    return beside if any(fact.startswith("container/") for fact in parsed.facts) and beside.is_file() else None


def content(path: Path, parsed: Parsed) -> Iterator[bytes]:
    """
    Give all bytes that a reading was made of: what was stored of the same bytes needs not be stored again.

    Names of containers that come later are other bytes.
    """
    if path.is_dir():
        for part in sar_files.parts(path):
            yield f"\0{part.relative_to(path)}\0{part.stat().st_size}\0".encode()
            yield from pieces(part)
        return
    yield from pieces(path)
    if (beside := names_beside(path, parsed)) is not None:
        yield from pieces(beside)


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from iter(partial(stream.read, PIECE_BYTES), b"")


def is_other_json(path: Path) -> bool:
    """Say whether a file is one JSON value that no recorder wrote, such as a list of container names."""
    with recording.open_bytes(path) as stream:
        try:
            found = json.loads(stream.read(MAX_JSON_BYTES))
        except (ValueError, RecursionError, OSError, EOFError):
            return False
    return not isinstance(found, dict) or not {"timestamp", "Measurement"} & found.keys()

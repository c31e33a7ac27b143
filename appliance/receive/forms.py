"""A form with a file (multipart/form-data), read as it comes: the file goes to the disk, the fields stay small."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import IO, Any

from multipart import MultipartError, PushMultipartParser, parse_options_header

from appliance.errors import BadData, MissingParameters
from appliance.receive.answers import Refused
from appliance.receive.bodies import too_large
from appliance.receive.limits import PIECE_BYTES, Limits

FILE = "file"


def read(environ: Mapping[str, Any], limits: Limits, file: IO[bytes], required: Sequence[str]) -> dict[str, str]:
    """
    Write the part called "file" to `file` and return the other fields of a form.

    What the sender calls its file is not read at all. Raises MissingParameters if the file or a required field is not
    there, BadData (MULTIPART_INVALID), TooLarge, or Refused if the body is no form.
    """
    kind, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
    if kind != "multipart/form-data":
        raise Refused(
            415, "UNSUPPORTED_MEDIA_TYPE", 'Send a form: multipart/form-data with the fields "file" and "machine_id".'
        )
    try:
        parser = PushMultipartParser(
            options.get("boundary", ""), int(environ["CONTENT_LENGTH"]), max_header_size=limits.part_header_bytes,
            max_header_count=limits.part_headers, max_segment_count=limits.parts,
        )  # fmt: skip
        fields = collect(parser.parse_blocking(environ["wsgi.input"].read, PIECE_BYTES), limits, file)
    except MultipartError as error:
        raise invalid(str(error)) from error
    missing = [name for name in (FILE, *required) if name not in fields or not (fields[name] or name == FILE)]
    if missing:
        raise MissingParameters(f"The form has no {' and no '.join(missing)}.", details={"missing": missing})
    return fields


def collect(events: Iterator[Any], limits: Limits, file: IO[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in events:
        if part.name in fields:
            raise invalid(f"the field {part.name[:40]!r} is given twice")
        # The parser gives the bytes of a part, and None after the last.
        pieces = iter(partial(next, events), None)
        if part.name == FILE:
            fields[FILE] = ""
            save(pieces, limits.file_bytes, file)
        else:
            fields[part.name] = text(pieces, part.name, limits.field_bytes)
    return fields


def save(pieces: Iterator[bytes], max_bytes: int, file: IO[bytes]) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise too_large(max_bytes, "The file")
        file.write(piece)
    file.flush()


def text(pieces: Iterator[bytes], name: str, max_bytes: int) -> str:
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > max_bytes:
            raise too_large(max_bytes, f"The field {name[:40]!r}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"The field {name[:40]!r} is not UTF-8.", error_code="INVALID_ENCODING") from error


def invalid(reason: str) -> BadData:
    return BadData(f"The form cannot be read: {reason}.", error_code="MULTIPART_INVALID")

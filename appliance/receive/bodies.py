"""Bodies of requests: unzipped with limits, and JSON without what Python's reader lets through."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from appliance.errors import BadData, TooLarge
from appliance.measurement import refuse_constant
from appliance.receive.answers import Refused
from appliance.receive.limits import PIECE_BYTES, Limits

GZIP_MAGIC = b"\x1f\x8b"
GZIP = 31
"""What zlib calls a stream with gzip's header and checksum."""
RATIO_FROM_BYTES = 1 << 20
"""A short text may shrink as much as it likes."""
NESTED = "The body is JSON that is nested too deeply."


def read(environ: Mapping[str, Any], limits: Limits, max_bytes: int) -> bytes:
    """Return a whole body, as it is or unzipped if it says `Content-Encoding: gzip`."""
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    pieces = iter(partial(environ["wsgi.input"].read, PIECE_BYTES), b"")
    if encoding in ("gzip", "x-gzip"):
        return b"".join(unzip(pieces, max_bytes, limits.unzip_ratio))
    if encoding in ("", "identity"):
        return b"".join(pieces)
    raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "The Content-Encoding is not known: send gzip, or none.")


def json_object(body: bytes, limits: Limits) -> dict[str, Any]:
    """Return the JSON object that a body is."""
    found = parse_json(body, limits.json_depth)
    if not isinstance(found, dict):
        raise invalid_json("The body is not a JSON object.")
    return found


def unzip(pieces: Iterable[bytes], max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    """Unzip a gzip stream piece by piece; raise TooLarge before a limit is passed, BadData if it is damaged or cut."""
    stream, received, made = zlib.decompressobj(GZIP), 0, 0
    try:
        for piece in pieces:
            received += len(piece)
            rest = piece
            while rest:
                part = stream.decompress(rest, PIECE_BYTES)
                made += len(part)
                if made > max_bytes or (made > RATIO_FROM_BYTES and made > received * max_ratio):
                    raise too_large(max_bytes, "The gzip data, unzipped,")
                yield part
                rest = stream.unconsumed_tail
                if stream.eof:
                    # A recorder that starts again appends another member.
                    rest = stream.unused_data
                    stream = zlib.decompressobj(GZIP) if rest else stream
    except zlib.error as error:
        raise BadData(f"The gzip data is damaged after {made} bytes unzipped.") from error
    if not stream.eof:
        raise BadData(f"The gzip data is cut after {made} bytes unzipped.")


def parse_json(body: bytes, max_depth: int) -> Any:
    """Parse JSON in UTF-8; refuse NaN, infinities, a key given twice, and what is nested too deeply."""
    try:
        found = json.loads(
            body.decode("utf-8"), parse_constant=refuse_constant, parse_float=finite, object_pairs_hook=unique
        )
        check_depth(found, max_depth)
    except UnicodeDecodeError as error:
        raise BadData(
            f"Byte {error.start + 1} of the body is not UTF-8.",
            error_code="INVALID_ENCODING",
            details={"byte": error.start + 1},
        ) from error
    except json.JSONDecodeError as error:
        raise invalid_json(
            f"The body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            line=error.lineno,
            column=error.colno,
        ) from error
    except RecursionError as error:
        raise invalid_json(NESTED) from error
    except ValueError as error:
        raise invalid_json(f"The body is not JSON that is accepted: {error}.") from error
    return found


def finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def check_depth(value: object, levels: int) -> None:
    if isinstance(value, (dict, list)):
        if not levels:
            raise invalid_json(NESTED)
        for inner in value.values() if isinstance(value, dict) else value:
            check_depth(inner, levels - 1)


def invalid_json(message: str, **details: Any) -> BadData:
    return BadData(message, error_code="INVALID_JSON", details=details)


def too_large(max_bytes: int, what: str) -> TooLarge:
    return TooLarge(
        f"{what} is larger than {max_bytes} bytes, the most that is accepted: send it in parts.",
        details={"max_bytes": max_bytes},
    )

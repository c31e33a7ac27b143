"""Downloads a machine's history from a receiver, as the standard CSV."""

import codecs
from collections.abc import Iterator
from urllib.parse import urlencode

from appliance.errors import BadConfiguration, NoInput, NotFound, PerfanalysisError, Unavailable
from appliance.ship.connection import Answer, Connection, NotHTTP
from appliance.ship.upload import MAX_ANSWER_BYTES, json_object, reason, refusal

PATH = "/api/v1/performance/export"


def export(
    url: str, key: str, machine_id: str, start: str = "", end: str = "", *, timeout_seconds: float = 60.0
) -> Iterator[str]:
    """
    Give the CSV of a machine piece by piece; start and end are times as people write them.

    Raises NotFound or NoInput if there is no such machine or nothing in the span, what `upload.refusal` says of other
    answers, and Unavailable if the receiver cannot be reached or not all of it came.
    """
    connection = Connection(url, connect_seconds=timeout_seconds, answer_seconds=timeout_seconds)
    if not (key.isascii() and key.isprintable() and key):
        raise BadConfiguration("the key is empty or has characters that no key has: copy it again.")
    asked = {"machine_id": machine_id, "start": start, "end": end, "format": "csv"}
    query = urlencode({name: text for name, text in asked.items() if text})
    begun = False
    try:
        status, headers = connection.request("GET", f"{PATH}?{query}", {"Authorization": f"Bearer {key}"})
        if status != 200:
            raise what(Answer(status, headers, connection.read(MAX_ANSWER_BYTES)), url)
        if headers.get("content-type", "").partition(";")[0].strip() != "text/csv":
            raise BadConfiguration(f"{url} does not answer as a receiver does: check the address.")
        decoder = codecs.getincrementaldecoder("utf-8")()
        begun = True
        for piece in connection.pieces():
            yield decoder.decode(piece)
    except (OSError, NotHTTP) as error:
        if begun:
            raise Unavailable(f"{url} closed the connection before all of it came: try again.") from error
        raise Unavailable(f"{url} cannot be reached: {reason(error, timeout_seconds)}.") from error
    finally:
        connection.close()


def what(answer: Answer, url: str) -> PerfanalysisError:
    """Return what an answer means that is not the CSV."""
    content = json_object(answer.body)
    kinds: dict[object, type[PerfanalysisError]] = {"NOT_FOUND": NotFound, "NO_DATA": NoInput}
    known = kinds.get(content.get("error_code"))
    return refusal(answer, url) if known is None else known(f"{url}: {content.get('message')}")

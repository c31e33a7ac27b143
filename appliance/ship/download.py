"""Downloads a machine's history from a receiver, as the standard CSV."""

import codecs
import http.client
from collections.abc import Iterator
from urllib.parse import urlencode

from appliance import __version__
from appliance.errors import BadConfiguration, NoInput, NotFound, PerfanalysisError, Unavailable
from appliance.ship.connection import address, open_connection
from appliance.ship.upload import MAX_ANSWER_BYTES, PIECE_BYTES, Answer, json_object, reason, refusal

PATH = "/api/v1/performance/export"


def export(
    url: str, key: str, machine_id: str, start: str = "", end: str = "", *, timeout_seconds: float = 60.0
) -> Iterator[str]:
    """
    Give the CSV of a machine piece by piece; start and end are times as people write them.

    Raises NotFound or NoInput if there is no such machine or nothing in the span, what `upload.refusal` says of other
    answers, and Unavailable if the receiver cannot be reached or not all of it came.
    """
    scheme, host, port, prefix = address(url)
    if not (key.isascii() and key.isprintable() and key):
        raise BadConfiguration("the key is empty or has characters that no key has: copy it again.")
    connection = open_connection(scheme, host, port, timeout_seconds)
    asked = {"machine_id": machine_id, "start": start, "end": end, "format": "csv"}
    query = urlencode({name: text for name, text in asked.items() if text})
    try:
        connection.request(
            "GET",
            f"{prefix}{PATH}?{query}",
            headers={"Authorization": f"Bearer {key}", "User-Agent": f"perfanalysis/{__version__}"},
        )
        response = connection.getresponse()
        check(response, url)
        decoder = codecs.getincrementaldecoder("utf-8")()
        while piece := response.read(PIECE_BYTES):
            yield decoder.decode(piece)
        # What the header promised and did not come.
        if response.length:
            raise Unavailable(f"{url} closed the connection before all of it came: try again.")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{url} cannot be reached: {reason(error, timeout_seconds)}.") from error
    finally:
        connection.close()


def check(response: http.client.HTTPResponse, url: str) -> None:
    """Raise what an answer that is not the CSV means."""
    if response.status == 200:
        if response.headers.get_content_type() != "text/csv":
            raise BadConfiguration(f"{url} does not answer as a receiver does: check the address.")
        return
    content = json_object(response.read(MAX_ANSWER_BYTES))
    kinds: dict[object, type[PerfanalysisError]] = {"NOT_FOUND": NotFound, "NO_DATA": NoInput}
    known = kinds.get(content.get("error_code"))
    if known is not None:
        raise known(f"{url}: {content.get('message')}")
    headers = {name.lower(): value for name, value in response.getheaders()}
    raise refusal(Answer(response.status, content, headers), url)

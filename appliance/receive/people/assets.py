"""The style sheets and the script of the receiver's pages: the same for everyone, so that a browser may keep them."""

import hashlib

from bottle import HTTPResponse

from appliance.errors import NotFound
from appliance.receive.people.sites import known
from appliance.receive.people.visits import Visit


def get(visit: Visit, name: str) -> HTTPResponse:
    """`GET /assets/<name>`."""
    asset = visit.drawing.asset(name)
    if asset is None:
        raise NotFound("There is nothing at this path.")
    tag = f'"{hashlib.sha256(asset.content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in known(visit.call.environ.get("HTTP_IF_NONE_MATCH", "")):
        return HTTPResponse(b"", 304, headers=headers)
    headers |= {"Content-Type": asset.kind, "Content-Length": str(len(asset.content))}
    return HTTPResponse(asset.content, headers=headers)

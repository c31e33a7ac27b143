"""Signing in with a key, and out."""

import re
from typing import Any
from urllib.parse import parse_qsl

from bottle import HTTPResponse

from appliance.errors import Forbidden, InvalidKey, UsageError
from appliance.receive import bodies
from appliance.receive.people.sessions import cookie
from appliance.receive.people.visits import Visit, came_by_link, wants_page
from appliance.views import SignIn

REFUSED = "This key is not valid: it was mistyped, has ended, or was revoked. Ask whoever runs this receiver for one."
WANTED = re.compile(r"/(reports/[A-Za-z0-9._/-]{0,500})?", re.ASCII)
"""Where one may want to go on to: a path of ours, and nothing that a browser takes for another host."""


def get(visit: Visit) -> HTTPResponse:
    """`GET /sign-in`, and `/` for strangers."""
    environ = visit.call.environ
    return visit.page(SignIn("", "/"), headers={"Refresh": "0"} if came_by_link(environ) else {})


def sign_in(visit: Visit) -> HTTPResponse:
    """`POST /sign-in`."""
    fields = fields_of(visit)
    wanted = local(fields.get("wanted", "/"))
    registry = visit.sessions.registry
    try:
        grant = registry.authenticate(fields.get("key", "").strip())
    except InvalidKey:
        visit.tried()
        if not wants_page(visit.call.environ):
            raise
        return visit.page(SignIn(REFUSED, wanted), 401, {"WWW-Authenticate": "Bearer"})
    if visit.session is not None:
        visit.sessions.end(visit.session)
    _, secret = visit.sessions.start(grant)
    return onward(wanted, {"Set-Cookie": cookie(secret, visit.call.environ)})


def sign_out(visit: Visit) -> HTTPResponse:
    """`POST /sign-out`; who is signed out already is so still."""
    if visit.session is not None:
        if not visit.session.knows(fields_of(visit).get("token", "")):
            raise Forbidden("This page is of another session: load it again.")
        visit.sessions.end(visit.session)
    gone = cookie("", visit.call.environ)
    # What the browser kept of the report site goes too.
    return onward("/", {"Set-Cookie": gone, "Clear-Site-Data": '"cache"'})


def to_home(_: Visit) -> HTTPResponse:
    """`GET` of what takes a form: somebody loads the address of a result again."""
    return onward("/")


def onward(path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(b"", 303, headers={"Location": path, "Content-Length": "0", **(headers or {})})


def local(path: str) -> str:
    """Return a path to go on to, or the first page if it is none of ours."""
    return path if WANTED.fullmatch(path) and ".." not in path and "//" not in path else "/"


def fields_of(visit: Visit) -> dict[str, str]:
    call = visit.call
    body = bodies.read(call.environ, call.limits, call.limits.json_bytes)
    try:
        found: list[tuple[str, Any]] = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8
        )
    except ValueError:
        raise UsageError("The form cannot be read: send it from the page that shows it.") from None
    return dict(found)

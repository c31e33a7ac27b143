"""Who visits a page: the session of a browser, or a key as any client shows it, also as the password of HTTP Basic."""

import base64
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bottle import HTTPResponse

from appliance.errors import Forbidden, InvalidKey
from appliance.receive import authentication
from appliance.receive.call import Call, KeyedCall
from appliance.receive.people.sessions import Session, Sessions
from appliance.store.registry import Grant, Registry
from appliance.store.tenant import TenantStore
from appliance.views import Drawing, View

# What a page of ours needs, and nothing from anywhere else. Its forms say where they come from only to ourselves.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # With no-referrer a browser would call the origin of a form "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


Visitor = tuple[Grant, Session | None]
"""Whom a key lets in; without a session the key itself was shown."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page: what its route may know of it."""

    call: Call
    """A `KeyedCall` if somebody has signed in or shown a key."""
    using: Callable[[], AbstractContextManager[TenantStore]]
    """Gives the store of the key's tenant while it is used."""
    session: Session | None
    sessions: Sessions
    drawing: Drawing
    tried: Callable[[], None]
    """To be called where a key is not valid; raises Refused if that was tried too often."""

    @property
    def keyed(self) -> KeyedCall:
        """The call of somebody with a key; raise InvalidKey for a stranger."""
        if not isinstance(self.call, KeyedCall):
            raise InvalidKey("The API key is missing or not valid.")
        return self.call

    def page(self, view: View, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        body = self.drawing.page(view)
        return HTTPResponse(body, status, headers={**HEADERS, "Content-Length": str(len(body)), **(headers or {})})


def by_session(environ: Mapping[str, Any], sessions: Sessions) -> Visitor | None:
    """Return who has signed in with the browser that asks."""
    found = sessions.find(environ)
    return None if found is None else (found[1], found[0])


def by_key(environ: Mapping[str, Any], query: Mapping[str, str], registry: Registry) -> Visitor | None:
    """Return who shows a key that is valid."""
    if not shows_key(environ):
        return None
    try:
        return registry.authenticate(key_of(environ, query)), None
    except InvalidKey:
        # What needs no key can be had all the same.
        return None


def shows_key(environ: Mapping[str, Any]) -> bool:
    return "HTTP_AUTHORIZATION" in environ or "HTTP_APIKEY" in environ


def key_of(environ: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """Return the key that is shown; of HTTP Basic it is the password, whatever the name of the user."""
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return authentication.key_of(environ, query)
    try:
        password = base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return authentication.NO_KEY
    return authentication.key_of({**environ, "HTTP_AUTHORIZATION": f"Bearer {password}"}, query)


def check_origin(environ: Mapping[str, Any]) -> None:
    """
    Raise Forbidden if a page of another site made the browser send this.

    Browsers that speak to us safely say so in Sec-Fetch-Site. To a plain http address they name the origin alone, which
    is then compared with the host that was asked for. Who sends neither is no browser of this decade; its forms need
    their token all the same.
    """
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or origin.partition("://")[2].lower() == environ.get("HTTP_HOST", "").lower() != ""
    if not ours:
        raise Forbidden(
            "This was sent from a page of another site, or the proxy before this receiver does not pass on the host: "
            "open the receiver's own page, and send it from there."
        )


def wants_page(environ: Mapping[str, Any]) -> bool:
    """Say whether a person looks at the answer: browsers ask for HTML by name, programs do not."""
    return "text/html" in environ.get("HTTP_ACCEPT", "").lower()


def came_by_link(environ: Mapping[str, Any]) -> bool:
    """
    Say whether a link on another site was followed, by a browser that says so.

    It does not send our cookie then. It does when our own page makes it load once more.
    """
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site")
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    )

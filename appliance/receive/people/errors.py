"""Errors as a person sees them: a page with the sentence, where a browser asked for a page."""

import json
from collections.abc import Mapping
from typing import Any

from appliance.errors import InvalidKey
from appliance.receive.answers import Answer
from appliance.receive.people.entrance import local
from appliance.receive.people.sessions import shown
from appliance.receive.people.visits import HEADERS, came_by_link, shows_key, wants_page
from appliance.views import Drawing, Failed, SignIn, Trouble, View

PROGRAMS = ("/api/", "/v1/", "/health", "/metrics", "/openapi.json")
"""Where only programs ask: they get JSON whatever they say that they accept."""
ENDED = "You have to sign in again: the session has ended. What was on its way was not stored."
NOT_VALID = "The key that was sent is not valid: sign in with another one."
BASIC = 'Basic realm="perfanalysis: any name, the key as password", charset="UTF-8"'


def dressed(answer: Answer, error: Exception, environ: Mapping[str, Any], drawing: Drawing) -> Answer:
    """Return an answer to an error as the page that it is for a browser, and as it is for a program."""
    path = environ.get("PATH_INFO", "")
    if not path or path.startswith(PROGRAMS):
        return answer
    headers = dict(answer.headers)
    if not wants_page(environ):
        if isinstance(error, InvalidKey):
            # Programs that can do it send the key again as a password. A browser would show a dialog of its own, which
            # no sign-out ends: it gets the form.
            headers["WWW-Authenticate"] = BASIC
        return Answer(answer.status, list(headers.items()), answer.body)
    body = drawing.page(view(answer, error, environ))
    if isinstance(error, InvalidKey) and came_by_link(environ):
        headers["Refresh"] = "0"
    headers |= {**HEADERS, "Content-Length": str(len(body))}
    return Answer(answer.status, list(headers.items()), body)


def view(answer: Answer, error: Exception, environ: Mapping[str, Any]) -> View:
    if isinstance(error, InvalidKey):
        wanted = local(environ["PATH_INFO"])
        if shown(environ):
            return SignIn(ENDED, wanted)
        return SignIn(NOT_VALID if shows_key(environ) else "", wanted)
    # What may be told of an error is what its answer tells.
    told = json.loads(answer.body)
    status = int(answer.status.partition(" ")[0])
    return Failed(Trouble(status, told["error_code"], told["message"], told["details"]))

"""Who asks: the key of a request, and links that open one export without a key until they expire."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from appliance.errors import UsageError
from appliance.store.registry import Grant, Registry

LINK_SECONDS = 15 * 60
MAX_PARAMETERS = 32
KEY_NAMES = {"key", "apikey", "api_key", "api-key", "access_token", "authorization"}
KEY = re.compile(r"pa1_[0-9a-f]")
NO_KEY = ""


def parameters(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the query of a request; raise UsageError if it cannot be read or names something twice."""
    query = environ.get("QUERY_STRING", "")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise UsageError(
            f"The query of the address cannot be read: give at most {MAX_PARAMETERS} parameters, in UTF-8."
        ) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError("The query of the address names a parameter twice.")
    return found


def key_of(environ: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """
    Return the key that a request carries in `Authorization: Bearer` or, as the original clients send it, in `apikey`.

    Without one, or with one in the address, where proxies and logs keep it, this is a key that is never valid.
    """
    if any(name.lower() in KEY_NAMES or KEY.search(f"{name}={value}") for name, value in query.items()):
        return NO_KEY
    scheme, _, bearer = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    key: str = environ.get("HTTP_APIKEY", "")
    if scheme and (scheme != "Bearer" or (key and key != bearer)):
        return NO_KEY
    return bearer or key


class Links:
    """Signed addresses: they open what was asked for when they were made, until they expire or their key ends."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        # Not stored: a link lives for minutes, and a receiver that starts again may make people ask again.
        self.secret = secrets.token_bytes(32)

    def make(self, path: str, query: Mapping[str, str], grant: Grant) -> tuple[str, int]:
        """Return the address of a link and when it expires, in Unix seconds."""
        expires = int(time.time()) + LINK_SECONDS
        query = {**query, "issuer": grant.key_id, "expires": str(expires)}
        return f"{path}?{urlencode({**query, 'signature': self.signature(path, query)})}", expires

    def grant(self, path: str, query: Mapping[str, str]) -> Grant:
        """Return what a link allows; raise InvalidKey, as for any bad key."""
        signed = {name: value for name, value in query.items() if name != "signature"}
        genuine = hmac.compare_digest(self.signature(path, signed).encode(), query["signature"].encode())
        if genuine and int(signed["expires"]) > time.time():
            issuer = self.registry.grant_of(signed["issuer"])
            if issuer is not None:
                return replace(issuer, scopes=issuer.scopes & {"read"})
        return self.registry.authenticate(NO_KEY)

    def signature(self, path: str, query: Mapping[str, str]) -> str:
        content = f"{path}?{urlencode(sorted(query.items()))}"
        return hmac.new(self.secret, content.encode(), hashlib.sha256).hexdigest()

"""
Sessions: who has signed in with a key, known by a cookie that holds 256 random bits and nothing else.

They are kept in memory alone: who restarts the receiver makes people sign in again. Each hangs on its key, which is
looked up at every request: when that is revoked or ends, so do its sessions.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.errors import InvalidKey
from appliance.receive.limits import Limits
from appliance.store.registry import Grant, Registry

COOKIE = "perfanalysis_session"
HOST_ONLY = "__Host-"
"""With this before its name a browser takes a cookie by TLS alone, and from no other host of the domain."""
MAX_SHOWN = 4
"""How many cookies of that name are looked at: of other paths and domains there may be some."""


@dataclass(slots=True)
class Session:
    digest: bytes
    """Of what the cookie holds: what is stolen from here opens nothing."""
    key_id: str
    token: str
    """What each form of the session carries, which no other site can know."""
    started: float
    used: float

    def knows(self, token: str) -> bool:
        return hmac.compare_digest(self.token.encode(), token.encode("utf-8", "surrogateescape"))


class Sessions:
    """May be used by any thread."""

    def __init__(self, registry: Registry, limits: Limits):
        self.registry = registry
        self.limits = limits
        self.lock = threading.Lock()
        # In the order of their last use, the longest idle first.
        self.sessions: dict[bytes, Session] = {}

    def start(self, grant: Grant) -> tuple[Session, str]:
        """Return a new session and what its cookie holds; where there are too many, the longest idle ends."""
        secret, now = secrets.token_urlsafe(32), time.monotonic()
        session = Session(digest(secret), grant.key_id, secrets.token_urlsafe(32), now, now)
        with self.lock:
            for ended in [one for one in self.sessions.values() if self.is_over(one, now)]:
                del self.sessions[ended.digest]
            own = [one for one in self.sessions.values() if one.key_id == grant.key_id]
            if len(own) >= self.limits.sessions_of_a_key:
                del self.sessions[own[0].digest]
            elif len(self.sessions) >= self.limits.sessions:
                del self.sessions[next(iter(self.sessions))]
            self.sessions[session.digest] = session
        return session, secret

    def find(self, environ: Mapping[str, Any]) -> tuple[Session, Grant] | None:
        """Return the session of a request and what its key allows now; using it keeps it from ending of idleness."""
        for secret in shown(environ):
            with self.lock:
                session = self.sessions.pop(digest(secret), None)
                if session is None or self.is_over(session, now := time.monotonic()):
                    continue
                session.used = now
                self.sessions[session.digest] = session
            grant = self.registry.grant_of(session.key_id)
            if grant is not None:
                return session, grant
            self.end(session)
        return None

    def confirm(self, grant: Grant) -> None:
        """Raise InvalidKey if the key of a session has ended meanwhile."""
        if self.registry.grant_of(grant.key_id) is None:
            raise InvalidKey("The API key is missing or not valid.")

    def end(self, session: Session) -> None:
        with self.lock:
            self.sessions.pop(session.digest, None)

    def is_over(self, session: Session, now: float) -> bool:
        return (
            now - session.used > self.limits.session_idle_seconds or now - session.started > self.limits.session_seconds
        )


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def shown(environ: Mapping[str, Any]) -> list[str]:
    """Return what the cookies of a request hold that are called like ours."""
    ours, pairs = name_of(environ), (pair.strip().partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
    return [value for name, _, value in pairs if name == ours][:MAX_SHOWN]


def cookie(secret: str, environ: Mapping[str, Any]) -> str:
    """Return the header that gives a browser its session, or with an empty secret takes it away."""
    secure = "; Secure" if is_safe(environ) else ""
    return f"{name_of(environ)}={secret}; Path=/; HttpOnly; SameSite=Strict{'' if secret else '; Max-Age=0'}{secure}"


def name_of(environ: Mapping[str, Any]) -> str:
    return HOST_ONLY + COOKIE if is_safe(environ) else COOKIE


def is_safe(environ: Mapping[str, Any]) -> bool:
    """Say whether a request came by TLS, to us or to a proxy that is trusted."""
    return bool(environ["wsgi.url_scheme"] == "https")

"""A person with a browser that keeps cookies, as far as it can be had without one."""

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from receiver_peer import BOUNDARY, Peer, Reply, form

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"


def basic(key: str, user: str = "anyone") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{key}'.encode()).decode()}"}


def cookie_of(reply: Reply) -> tuple[str, set[str]]:
    """The cookie that an answer sets, as name=value, and its attributes."""
    pair, *attributes = reply.headers["set-cookie"].split("; ")
    return pair, set(attributes)


def text_of(reply: Reply) -> str:
    """What a page says, without its tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", reply.body.decode(), flags=re.S)
    return re.sub(r" (?=[.,:;)])", "", html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))))


@dataclass
class Person:
    peer: Peer
    cookie: str = ""
    token: str = ""
    more: dict[str, str] = field(default_factory=dict)
    """Headers that go with each request."""

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        reply = self.peer.ask(method, path, body, {"Accept": HTML, **cookie, **self.more, **(headers or {})}, None)
        if "set-cookie" in reply.headers:
            self.cookie = cookie_of(reply)[0]
        found = re.search(rb'name="token" value="([^"]+)"', reply.body)
        self.token = found[1].decode() if found else self.token
        return reply

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.ask("GET", path, headers=headers)

    def send(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Reply:
        return self.ask("POST", path, urlencode(fields), {"Content-Type": FORM, **(headers or {})})

    def sign_in(self, key: str, **fields: str) -> Reply:
        reply = self.send("/sign-in", key=key, **fields)
        if reply.status == 303:
            self.get("/")
        return reply

    def upload(
        self, file: str | bytes | None, headers: Mapping[str, str] | None = None, **fields: str
    ) -> Reply:  # fmt: skip
        body = form(file, **{"token": self.token, **fields})
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.ask("POST", "/upload", body, {**kind, **(headers or {})})

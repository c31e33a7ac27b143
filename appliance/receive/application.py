"""The receiver as an application: its routes, who may call them, and the one place where errors become answers."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from bottle import Bottle, HTTPError
from bottle import request as current

from appliance.errors import Forbidden, InvalidKey, NotFound, PerfanalysisError, TenantMismatch
from appliance.receive import (
    answers,
    authentication,
    exports,
    health,
    log,
    machines,
    metrics,
    openapi,
    rates,
    trickle,
    uploads,
)
from appliance.receive.access_log import AccessLog
from appliance.receive.answers import Answer, Refused
from appliance.receive.authentication import Links
from appliance.receive.bodies import too_large
from appliance.receive.call import Call, KeyedCall
from appliance.receive.client import Client, who
from appliance.receive.limits import Limits
from appliance.receive.people import assets, entrance, home, sites, visits
from appliance.receive.people.errors import dressed
from appliance.receive.people.sessions import Session, Sessions
from appliance.receive.people.visits import Visit
from appliance.receive.rates import Buckets, Rates, Staging
from appliance.receive.status import Status
from appliance.receive.stores import Stores
from appliance.store.database import LIBRARY_ERRORS
from appliance.store.registry import Grant
from appliance.views import Drawing

ADMITTED = "perfanalysis.admitted"
"""What was found of its head, an `Admitted`: the server says so, having asked before it read the body."""
FRESH_SECONDS = 0.5
CLIENT = "perfanalysis.client"
"""Whom a request is from, a `Client`: the server says so."""
STARTED = "perfanalysis.started"
"""When its first byte came, by `time.monotonic`: the server says so."""
GRANT = "perfanalysis.grant"
"""What the key allows of a request, known also if it is then refused for something else: for the logs."""
FOUND = (ADMITTED, GRANT)
"""What `begin` found out of a head, and writes into it."""
OPEN, WRITE, READ = "", "write", "read"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    answer: Callable[..., Any]
    """Takes (store of the key's tenant, KeyedCall, parts of the path), or if the route is open (Call)."""
    scope: str
    """What the key must allow; OPEN: no key is asked for."""
    max_bytes: Callable[[Limits], int] = lambda _: 0
    """How long a body may be."""
    linked: bool = False
    """A link that was signed opens it too."""
    rate: Callable[[Rates], Buckets] | None = None
    """How often a key may ask for it."""
    page: bool = False
    """Of a page for people: takes (Visit, parts of the path), and a session of a browser opens it too."""


ROUTES = [
    Route(
        "POST", "/api/v1/performance/upload", uploads.post, WRITE, lambda limits: limits.upload_bytes,
        rate=lambda rates: rates.uploads,
    ),
    Route("GET", "/api/v1/performance/data", exports.link, READ),
    Route("GET", exports.PATH, exports.get, READ, linked=True),
    Route("GET", "/api/v1/machines", machines.list_, READ),
    Route("GET", "/api/v1/machines/<machine_id>", machines.get, READ),
    Route(
        "POST", "/v1/trickle", trickle.post, WRITE, lambda limits: limits.trickle_bytes, rate=lambda rates: rates.posts
    ),
    Route("POST", "/v1/ping", health.echo, OPEN, lambda limits: limits.json_bytes),
    Route("GET", "/v1/ping", health.ping, OPEN),
    Route("GET", "/v1/version", health.version, OPEN),
    Route("GET", "/health", health.get, OPEN),
    Route("GET", "/metrics", metrics.get, OPEN),
    Route("GET", openapi.PATH, openapi.get, OPEN),
]  # fmt: skip

# For people, and a list of their own: what programs ask for never takes a browser's session.
PAGES = [
    Route("GET", "/", home.get, OPEN, page=True),
    Route("GET", "/sign-in", entrance.get, OPEN, page=True),
    Route("POST", "/sign-in", entrance.sign_in, OPEN, lambda limits: limits.json_bytes, page=True),
    Route("GET", "/sign-out", entrance.to_home, OPEN, page=True),
    Route("POST", "/sign-out", entrance.sign_out, OPEN, lambda limits: limits.json_bytes, page=True),
    Route("GET", "/upload", entrance.to_home, OPEN, page=True),
    Route(
        "POST",
        "/upload",
        home.upload,
        WRITE,
        lambda limits: limits.upload_bytes,
        page=True,
        rate=lambda rates: rates.uploads,
    ),
    Route("GET", "/reports", sites.to_first, OPEN, page=True),
    Route("GET", "/reports/", sites.get, READ, page=True),
    Route("GET", "/reports/<path:path>", sites.get, READ, page=True),
    Route("GET", "/assets/<name>", assets.get, OPEN, page=True),
]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose head was found good."""

    query: Mapping[str, str]
    grant: Grant | None
    key: str
    route: Route
    session: Session | None
    at: float
    """When, by `time.monotonic`."""

    @property
    def fresh(self) -> bool:
        """Whether it need not be asked again: a key that is revoked ends within a second."""
        return time.monotonic() - self.at < FRESH_SECONDS


def application(
    stores: Stores,
    limits: Limits | None = None,
    access_log: AccessLog | None = None,
    metrics_token: str = "",
    drawing: Drawing | None = None,
) -> "Application":
    """Make a receiver; without a way to draw them it has no pages for people."""
    return Application(stores, limits or Limits(), access_log, metrics_token, drawing)


class Application:
    """A WSGI application, with the check of a request's head that the server makes before it reads the body."""

    def __init__(
        self, stores: Stores, limits: Limits, access_log: AccessLog | None, metrics_token: str, drawing: Drawing | None
    ):
        self.stores = stores
        self.limits = limits
        self.access_log = access_log
        self.status = Status(stores.health, str(stores.identity), metrics_token)
        self.rates = Rates(limits)
        self.staging = Staging(limits)
        self.status.staged_bytes = self.staging.total
        self.links = Links(stores.registry)
        self.sessions = Sessions(stores.registry, limits)
        self.drawing = drawing
        routes = ROUTES if drawing is None else [*ROUTES, *PAGES]
        self.routes = {(route.method, route.path): route for route in routes}
        self.router = Bottle()
        self.router.catchall = False
        self.router.default_error_handler = refuse
        for route in routes:
            self.router.route(route.path, route.method, partial(self.call, route))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        admitted: Admitted | None = None

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self.answered(environ, status, dict(headers), admitted)
            return start_response(status, answers.complete(headers), exc_info)

        environ.setdefault(STARTED, time.monotonic())
        try:
            admitted = environ.get(ADMITTED)
            if admitted is None or not admitted.fresh:
                admitted = self.admit(environ)
            return self.router(environ, start)
        except Exception as error:  # noqa: BLE001 - the one boundary of the receiver
            answer = self.answer(error, environ)
            start(answer.status, answer.headers)
            # What follows a HEAD would be taken for the next answer.
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def answer(self, error: Exception, environ: Environ) -> Answer:
        """Answer an error: people who look at pages get a page."""
        answer = answers.to(error)
        if self.drawing is None:
            return answer
        try:
            return dressed(answer, error, environ, self.drawing)
        except Exception as broken:  # noqa: BLE001 - the same boundary: what cannot be drawn is told as programs are
            return answers.to(broken)

    def begin(self, environ: Environ) -> Callable[[], None]:
        """
        Decide about a request by its head alone, as the server asks before it reads a body; raise what is wrong.

        Return what gives back what the request has taken; to be called when it has ended, however it did.
        """
        try:
            admitted = self.admit(environ)
        except InvalidKey:
            self.count_bad_key(environ)
            raise
        if admitted.grant is None:
            return lambda: None
        if admitted.route.rate is not None:
            rates.take(admitted.route.rate(self.rates), admitted.grant.key_id, "requests with this key")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        return self.staging.take(admitted.grant.tenant, length)

    def still_allowed(self, environ: Environ) -> bool:
        """Say whether the key of a request that was begun is still valid; if that cannot be read, its end tells."""
        grant: Grant | None = environ.get(GRANT)
        try:
            return grant is None or self.stores.registry.grant_of(grant.key_id) is not None
        except LIBRARY_ERRORS:
            return True

    def count_bad_key(self, environ: Environ) -> None:
        """Raise Refused if somebody has shown too many keys that are not valid."""
        rates.take(self.rates.bad_keys, who(client_of(environ).address), "requests without a valid key")

    def answered(self, environ: Environ, status: str, headers: Mapping[str, str], admitted: Admitted | None) -> None:
        """Count and log what was answered; `environ` may lack all but who asked and since when."""
        code = status.partition(" ")[0]
        route = admitted.route.path if admitted else self.path_of(environ)
        seconds = time.monotonic() - environ[STARTED]
        self.status.answered(environ.get("REQUEST_METHOD", "-"), route, code, seconds)
        grant: Grant | None = environ.get(GRANT)
        request = log.Request(
            client_of(environ).address, environ.get("REQUEST_METHOD", "-"), environ.get("PATH_INFO", "-"), code,
            headers.get("Content-Length"), seconds, grant.tenant if grant else None, grant.key_id if grant else None,
            environ.get("CONTENT_LENGTH") or None, environ.get("HTTP_USER_AGENT"),
        )  # fmt: skip
        log.request(request)
        if self.access_log is not None:
            self.access_log.write(request)

    def path_of(self, environ: Environ) -> str:
        """Return the path of the route that was asked for, as it is declared; "-" for none."""
        try:
            return self.find(environ).path if "PATH_INFO" in environ else "-"
        except PerfanalysisError:
            return "-"

    def admit(self, environ: Environ) -> Admitted:
        """Find out who asks; raise what is wrong with the head of a request."""
        route = self.find(environ)
        query = authentication.parameters(environ)
        grant, key, session = None, "", None
        if route.page:
            grant, session = self.visitor(route, environ, query)
        elif route.linked and "signature" in query:
            grant = self.links.grant(environ["PATH_INFO"], query)
            # A link needs no key; who shows one all the same is held to it.
            shown = authentication.key_of(environ, query)
            if shown and self.stores.registry.authenticate(shown).tenant != grant.tenant:
                raise TenantMismatch("Tenant mismatch: the link is not of the key's tenant.")
        elif route.scope:
            key = authentication.key_of(environ, query)
            grant = self.stores.registry.authenticate(key)
        environ[GRANT] = grant
        if grant and route.scope and route.scope not in grant.scopes:
            raise Forbidden(f"The key does not allow this: it has not the scope {route.scope!r}.")
        check_length(environ, route.max_bytes(self.limits))
        if route.scope == WRITE:
            # Before a body is read that there is no room for.
            self.stores.space.check()
        admitted = environ[ADMITTED] = Admitted(query, grant, key, route, session, time.monotonic())
        return admitted

    def visitor(self, route: Route, environ: Environ, query: Mapping[str, str]) -> tuple[Grant | None, Session | None]:
        """Return who asks for a page, a stranger or not; raise what is wrong with a request of the route."""
        if route.method == "POST":
            visits.check_origin(environ)
            found = visits.by_session(environ, self.sessions)
        else:
            found = visits.by_session(environ, self.sessions) or visits.by_key(environ, query, self.sessions.registry)
        if route.scope and found is None:
            raise InvalidKey("The API key is missing or not valid.")
        return found or (None, None)

    def find(self, environ: Environ) -> Route:
        try:
            found, _ = self.router.match(environ)
        except HTTPError as error:
            refuse(error)
        return self.routes[found.method, found.rule]

    def call(self, route: Route, **path: str) -> Any:
        """Call a route: the only way to one that is not open leads by the store of the key's tenant."""
        environ = current.environ
        admitted: Admitted = environ[ADMITTED]
        folder, local = self.stores.folder, client_of(environ).local
        call = Call(environ, admitted.query, self.limits, self.status, folder, local, ROUTES)
        if admitted.grant is not None:
            # A session has no key to show again: what its key allows now is asked for by its id.
            confirm = (
                partial(self.sessions.confirm, admitted.grant) if route.page
                else partial(self.stores.registry.authenticate, admitted.key)
            )  # fmt: skip
            call = KeyedCall(
                environ, admitted.query, self.limits, self.status, folder, local, ROUTES, admitted.grant, confirm,
                self.links,
            )  # fmt: skip
            call.check_tenant(admitted.query.get("tenant_id"))
        if route.page and self.drawing is not None:
            opened = partial(self.stores.using, admitted.grant.tenant if admitted.grant else "")
            tried = partial(self.count_bad_key, environ)
            return route.answer(Visit(call, opened, admitted.session, self.sessions, self.drawing, tried), **path)
        if admitted.grant is None:
            return route.answer(call)
        with self.stores.using(admitted.grant.tenant) as store:
            return route.answer(store, call, **path)


def client_of(environ: Environ) -> Client:
    """Return whom a request is from; without our server it is nobody of this machine."""
    found: Client = environ.get(CLIENT) or Client(environ.get("REMOTE_ADDR", "-"), None, local=False)
    return found


def refuse(error: HTTPError) -> NoReturn:
    """Raise what the router found wrong as an error of ours."""
    if error.status_code == 405:
        allowed = error.get_header("Allow")
        raise Refused(
            405, "METHOD_NOT_ALLOWED", f"This path takes {allowed}, and no other method.", headers={"Allow": allowed}
        )
    raise NotFound("There is nothing at this path.")


def check_length(environ: Environ, most: int) -> None:
    length = environ.get("CONTENT_LENGTH") or ""
    if "HTTP_TRANSFER_ENCODING" in environ or (most and not length):
        raise Refused(411, "LENGTH_REQUIRED", "Say how long the body is: send Content-Length, and no chunks.")
    if int(length or 0) > most:
        raise too_large(most, "The body")

"""The receiver as an application: its routes, who may call them, and the one place where errors become answers."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from bottle import Bottle, HTTPError, request

from appliance.errors import Forbidden, NotFound, TenantMismatch
from appliance.receive import answers, authentication, exports, health, log, machines, trickle, uploads
from appliance.receive.answers import Refused
from appliance.receive.authentication import Links
from appliance.receive.bodies import too_large
from appliance.receive.call import Call, KeyedCall
from appliance.receive.limits import Limits
from appliance.receive.status import Status
from appliance.receive.stores import Stores
from appliance.store.registry import Grant

ADMITTED = "perfanalysis.admitted"
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


ROUTES = [
    Route("POST", "/api/v1/performance/upload", uploads.post, WRITE, lambda limits: limits.upload_bytes),
    Route("GET", "/api/v1/performance/data", exports.link, READ),
    Route("GET", exports.PATH, exports.get, READ, linked=True),
    Route("GET", "/api/v1/machines", machines.list_, READ),
    Route("GET", "/api/v1/machines/<machine_id>", machines.get, READ),
    Route("POST", "/v1/trickle", trickle.post, WRITE, lambda limits: limits.trickle_bytes),
    Route("POST", "/v1/ping", health.echo, OPEN, lambda limits: limits.json_bytes),
    Route("GET", "/v1/ping", health.ping, OPEN),
    Route("GET", "/v1/version", health.version, OPEN),
    Route("GET", "/health", health.get, OPEN),
]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose head was found good."""

    query: Mapping[str, str]
    grant: Grant | None
    key: str


def application(stores: Stores, limits: Limits | None = None) -> "Application":
    return Application(stores, limits or Limits())


class Application:
    """A WSGI application, with the check of a request's head that the server makes before it reads the body."""

    def __init__(self, stores: Stores, limits: Limits):
        self.stores = stores
        self.limits = limits
        self.status = Status(stores.health, str(stores.identity))
        self.links = Links(stores.registry)
        self.routes = {(route.method, route.path): route for route in ROUTES}
        self.router = Bottle()
        self.router.catchall = False
        self.router.default_error_handler = refuse
        for route in ROUTES:
            self.router.route(route.path, route.method, partial(self.call, route))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started = time.monotonic()
        tenant = ""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            log.request(environ["REQUEST_METHOD"], environ["PATH_INFO"], status, dict(headers), started, tenant)
            return start_response(status, [*headers, *answers.ALWAYS], exc_info)

        try:
            environ[ADMITTED] = admitted = self.admit(environ)
            tenant = admitted.grant.tenant if admitted.grant else ""
            return self.router(environ, start)
        except Exception as error:  # noqa: BLE001 - the one boundary of the receiver
            answer = answers.to(error)
            start(answer.status, answer.headers)
            return [answer.body]

    def refusal(self, environ: Environ) -> Exception | None:
        """Return why a request is refused by its head alone, or None: what the server asks before it reads a body."""
        try:
            self.admit(environ)
        except Exception as error:  # noqa: BLE001 - the same boundary: the server makes an answer of it
            return error
        return None

    def admit(self, environ: Environ) -> Admitted:
        """Find out who asks; raise what is wrong with the head of a request."""
        route = self.find(environ)
        query = authentication.parameters(environ)
        grant, key = None, ""
        if route.linked and "signature" in query:
            grant = self.links.grant(environ["PATH_INFO"], query)
            # A link needs no key; who shows one all the same is held to it.
            shown = authentication.key_of(environ, query)
            if shown and self.stores.registry.authenticate(shown).tenant != grant.tenant:
                raise TenantMismatch("Tenant mismatch: the link is not of the key's tenant.")
        elif route.scope:
            key = authentication.key_of(environ, query)
            grant = self.stores.registry.authenticate(key)
        if grant and route.scope not in grant.scopes:
            raise Forbidden(f"The key does not allow this: it has not the scope {route.scope!r}.")
        check_length(environ, route.max_bytes(self.limits))
        return Admitted(query, grant, key)

    def find(self, environ: Environ) -> Route:
        try:
            found, _ = self.router.match(environ)
        except HTTPError as error:
            refuse(error)
        return self.routes[found.method, found.rule]

    def call(self, route: Route, **path: str) -> Any:
        """Call a route: the only way to one that is not open leads by the store of the key's tenant."""
        admitted: Admitted = request.environ[ADMITTED]
        if admitted.grant is None:
            return route.answer(Call(request.environ, admitted.query, self.limits, self.status))
        call = KeyedCall(
            request.environ, admitted.query, self.limits, self.status, admitted.grant,
            partial(self.stores.registry.authenticate, admitted.key), self.links,
        )  # fmt: skip
        call.check_tenant(admitted.query.get("tenant_id"))
        return route.answer(self.stores.tenant(admitted.grant.tenant), call, **path)


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

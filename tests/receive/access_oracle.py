"""
An oracle of who may do what: tenants whose every word is a canary, keys of every kind, random calls, and what must
become of each.

The oracle knows nothing of the receiver's code but its list of routes. It says what it finds wrong as sentences.
"""

import http.client
import io
import json
import logging
import random
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from receiver_peer import BOUNDARY, CSV_HEADER, UPLOAD, form

from appliance.receive import log
from appliance.receive.application import OPEN, READ, ROUTES, Application, Route, application
from appliance.receive.limits import Limits
from appliance.receive.server import Receiver
from appliance.receive.stores import Stores
from appliance.store import history
from appliance.store.registry import Registry
from appliance.views import Drawing
from static_site import receiver as pages

WORD = re.compile(r"zq[0-9a-f]{10}|7700[0-9]{10}")
"""Every canary: a word, or a number that is a value."""
KEY_SECRET = re.compile(r"pa1_[0-9a-f]{12}_[0-9a-f]{8}")
AT = 1_704_067_200
EXPORT = "/api/v1/performance/export"
EVERY_SCOPE = ("write", "read", "admin")
TRAVERSALS = [
    "..", "../../registry.sqlite", "/etc/passwd", ".hidden", "a/b", "a\\b", "x" * 65, "-rf", "nul\0byte", "%2e%2e",
    "a b", "ｗeb-1", "box\n", "con:", "$(id)", "{{7*7}}", "' OR 1=1 --", "?x", "a;b", "~root",
]  # fmt: skip
"""What is no machine's id."""
LIMITS = Limits(**{limit.name: 10**9 for limit in fields(Limits) if limit.name.endswith("_per_minute")})
"""So many calls are meant to come."""


def word() -> str:
    return f"zq{secrets.token_hex(5)}"


@dataclass
class Content:
    """What a tenant has of a machine: each text and number of it is a canary that the calls never say."""

    device: str = field(default_factory=word)
    name: str = field(default_factory=word)
    number: int = field(default_factory=lambda: 77 * 10**12 + secrets.randbelow(10**10))

    def words(self) -> set[str]:
        return {self.device, self.name, str(self.number)}

    def csv(self, machine: str) -> str:
        row = f"{AT},{machine},25.5,10.2,60.3,4.0,{self.number},8388608,12582912,1024"
        return f"{CSV_HEADER},disk_{self.device}_reads\n{row}\n"

    def trickle(self, machine: str, **more: Any) -> bytes:
        disk = f"   8       0 {self.device} 10 0 80 5 6 0 48 3 0 7 8 0 0 0 0\n"
        record = {"timestamp": AT + 60, "subsystem": "/proc/diskstats", "measurement": disk}
        return json.dumps({"identifier": machine, "measurements": [record], **more}).encode()


@dataclass
class Holder:
    """Somebody with a key, and what it is to allow."""

    key: str
    tenant: str
    scopes: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    """Empty: all."""
    valid: bool = True

    @property
    def key_id(self) -> str:
        return self.key.split("_")[1]

    def covers(self, machine: str) -> bool:
        return not self.machines or machine in self.machines


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    """Percent-encoded."""
    query: str
    headers: dict[str, str]
    body: bytes | None
    said: frozenset[str]
    """The canaries in it."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: str
    body: bytes

    @property
    def code(self) -> str:
        """The error code, or nothing."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return ""
        return str(found.get("error_code") or "") if isinstance(found, dict) else ""


# What a key may send and read: of each route that asks for a scope, how a call names its machine and its tenant.
# A route that is not here is a route that was forgotten: the oracle's own test says so.
IN_PATH, IN_QUERY, IN_FORM, IN_JSON, NOWHERE = "path", "query", "form", "json", "nowhere"
TAUGHT: dict[tuple[str, str], str] = {
    ("POST", "/api/v1/performance/upload"): IN_FORM,
    ("GET", "/api/v1/performance/data"): IN_QUERY,
    ("GET", "/api/v1/performance/export"): IN_QUERY,
    ("GET", "/api/v1/machines"): NOWHERE,
    ("GET", "/api/v1/machines/<machine_id>"): IN_PATH,
    ("POST", "/v1/trickle"): IN_JSON,
}


class World:
    """Tenants with data and keys, and what is known of them."""

    def __init__(self, folder: Path, tenants: int, seed: int):
        self.random = random.Random(seed)
        self.folder = folder
        self.stores = Stores(folder)
        self.app: Application = application(self.stores, LIMITS, drawing=Drawing(pages.page, pages.asset))
        self.elsewhere = Registry(folder)
        """As another process has it: the command line."""
        self.tenants = [word() for _ in range(tenants)]
        self.contents: dict[tuple[str, str], Content] = {}
        self.machines: dict[str, set[str]] = {tenant: set() for tenant in self.tenants}
        self.uploaded: set[tuple[str, str]] = set()
        self.labels = {tenant: word() for tenant in self.tenants}
        self.holders: list[Holder] = []
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.met: Counter[str] = Counter()
        """How often each answer was expected: an oracle that only ever refuses says little."""
        self.lines: list[str] = []
        """Of the log."""
        for tenant in self.tenants:
            self.furnish(tenant)

    def close(self) -> None:
        self.elsewhere.close()
        self.stores.close()

    def furnish(self, tenant: str) -> None:
        """Give a tenant its machines, with data, and keys of every kind."""
        self.stores.registry.create_tenant(tenant)
        mine = [f"box-{word()}" for _ in range(3)]
        writer = self.make(tenant, EVERY_SCOPE)
        for machine in mine:
            for path in (UPLOAD, "/v1/trickle"):
                answer = wsgi(self.app, self.call(route_of("POST", path), writer, machine))
                assert answer.status == 200, answer.body
            history.rename(self.stores.tenant(tenant), machine, self.content(tenant, machine).name)
            self.machines[tenant].add(machine)
            self.uploaded.add((tenant, machine))
        for scopes in (("write", "read"), ("write",), ("read",), ("admin",)):
            self.make(tenant, scopes)
        self.make(tenant, ("write", "read"), mine[:1])
        self.make(tenant, ("read",), mine[1:])
        self.make(tenant, ("write",), [mine[0], f"box-{word()}"])
        self.revoke(self.make(tenant, EVERY_SCOPE))
        self.make(tenant, EVERY_SCOPE, expires_ms=1)
        self.make(tenant, EVERY_SCOPE, starts_ms=2**50)
        self.rotate(self.make(tenant, ("write", "read")), overlap_ms=0)
        self.rotate(self.make(tenant, ("write", "read"), mine[:1]), overlap_ms=3_600_000)

    def content(self, tenant: str, machine: str) -> Content:
        return self.contents.setdefault((tenant, machine), Content())

    def make(
        self, tenant: str, scopes: tuple[str, ...], machines: list[str] | None = None, *, starts_ms: int | None = None,
        expires_ms: int | None = None,
    ) -> Holder:  # fmt: skip
        key = self.registry().create_key(
            tenant, scopes, self.labels[tenant], machines=machines or [], starts_ms=starts_ms
        )
        if expires_ms is not None:
            with self.stores.registry.changing():
                self.stores.registry.database.execute_sql(
                    "UPDATE key SET expires_ms = ? WHERE id = ?", (expires_ms, key.split("_")[1])
                )
        self.holders.append(
            Holder(key, tenant, scopes, tuple(machines or ()), valid=starts_ms is None and expires_ms is None)
        )
        return self.holders[-1]

    def registry(self) -> Registry:
        """The receiver's own, or that of another process."""
        return self.random.choice([self.stores.registry, self.elsewhere])

    def revoke(self, holder: Holder) -> None:
        self.registry().revoke_key(holder.key_id)
        holder.valid = False

    def rotate(self, holder: Holder, overlap_ms: int) -> None:
        key = self.registry().rotate_key(holder.key_id, overlap_ms)
        holder.valid = overlap_ms > 0
        self.holders.append(Holder(key, holder.tenant, holder.scopes, holder.machines))

    def change(self) -> None:
        """Make, revoke or rotate a key, while calls go on."""
        holder = self.random.choice(self.holders[len(self.tenants) :])
        action = self.random.randrange(3)
        if action == 0 or not holder.valid:
            self.make(holder.tenant, holder.scopes, list(holder.machines))
        elif action == 1:
            self.revoke(holder)
        elif not any(row["replaced_by"] for row in self.elsewhere.keys(None) if row["id"] == holder.key_id):
            self.rotate(holder, self.random.choice([0, 3_600_000]))

    # What is asked

    def call(
        self,
        route: Route,
        holder: Holder | None,
        machine: str,
        tenant: str = "",
        key: str | None = None,
        extra: str = "",
    ) -> Call:
        """Return a call of a route about a machine, by a holder's key or another; it may name a tenant."""
        shown = key if key is not None else holder.key if holder else ""
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        place = TAUGHT[route.method, route.path] if route.scope != OPEN else NOWHERE
        content = self.content(holder.tenant if holder else "", machine)
        path, query, body = route.path, {}, None
        if place == IN_PATH:
            path = path.replace("<machine_id>", quote(machine, safe=""))
        elif place == IN_QUERY:
            query["machine_id"] = machine
        elif place == IN_FORM:
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
            named = {"tenant_id": tenant} if tenant else {}
            body = form(content.csv(machine), machine_id=machine, **named)
        elif place == IN_JSON:
            body = content.trickle(machine, **({"tenant_id": tenant} if tenant else {}))
        elif route.method == "POST":
            body = b'{"timestamp": 1}'
        if tenant and place not in (IN_FORM, IN_JSON):
            query["tenant_id"] = tenant
        text = "&".join(part for part in (urlencode(query), extra) if part)
        said = {*WORD.findall(machine), *WORD.findall(tenant)}
        if body is not None and holder is not None:
            said |= {content.device, str(content.number)}
        return Call(route.method, path, text, headers, body, frozenset(said))

    def random_call(self) -> tuple[Route, Holder, str, str, Call, str]:
        """Return a call with what it is about: route, holder, machine, tenant, and what is wrong with its key."""
        choose = self.random.choice
        route = choose(ROUTES)
        holder = choose(self.holders)
        if self.random.random() < 0.5:
            holder = choose([holder for holder in self.holders if holder.valid])
        own, other = holder.tenant, choose(self.tenants)
        machine = choose(
            [
                *sorted(self.machines[own])[:4], *self.random.choices(sorted(self.machines[other]), k=2),
                *holder.machines[:1], f"box-{self.random.randrange(3)}", choose(TRAVERSALS),
            ]
        )  # fmt: skip
        tenant = choose(["", "", "", own, own, other, "nobody", "..", "zq", own.upper()])
        bad, key, extra = "", None, ""
        if self.random.random() < 0.15:
            bad = choose(["none", "cut", "longer", "other secret", "other id", "upper", "in the address", "two"])
            someone = choose(self.holders).key
            key = {
                "none": "", "cut": holder.key[:-1], "longer": f"{holder.key}0", "upper": holder.key.upper(),
                "other secret": holder.key[:17] + someone[17:] if someone[17:] != holder.key[17:] else "x",
                "other id": holder.key.replace(holder.key_id, holder.key_id[::-1] + "0"),
                "in the address": holder.key, "two": f"{holder.key}, {someone}",
            }[bad]  # fmt: skip
            if bad == "in the address":
                extra = urlencode({choose(["key", "apikey", "API_KEY", "access_token", "x"]): someone})
        return route, holder, machine, tenant, self.call(route, holder, machine, tenant, key, extra), bad

    # What must become of it

    def expected(self, route: Route, holder: Holder, machine: str, tenant: str, bad: str) -> tuple[int, str, str]:
        """Return the status and the error code of a call to a route that asks for a key, and why."""
        place = TAUGHT[route.method, route.path]
        if place == IN_PATH and "/" in machine:
            return 404, "NOT_FOUND", "path"
        if bad or not holder.valid:
            return 401, "INVALID_API_KEY", "key"
        if route.scope not in holder.scopes:
            return 403, "FORBIDDEN", "scope"
        if tenant not in ("", holder.tenant):
            return 403, "UNAUTHORIZED", "tenant"
        if place == NOWHERE:
            return 200, "", ""
        if machine in TRAVERSALS:
            return 400, "INVALID_MACHINE_ID", "machine id"
        if not holder.covers(machine):
            return 403, "FORBIDDEN", "binding"
        if route.scope == READ and machine not in self.machines[holder.tenant]:
            return 404, "NOT_FOUND", "machine"
        return 200, "", ""

    def may_know(self, holder: Holder) -> set[str]:
        """Return every canary that a holder's answers may have."""
        known = {holder.tenant}
        for machine in self.machines[holder.tenant]:
            if holder.covers(machine):
                known |= {*WORD.findall(machine)} | self.content(holder.tenant, machine).words()
        return known

    def known(self) -> set[str]:
        """Return every id of a machine that a call may name."""
        bound = {machine for holder in self.holders for machine in holder.machines}
        return bound.union(*self.machines.values())

    def judge(
        self, route: Route, holder: Holder, machine: str, tenant: str, call: Call, bad: str, answer: Answer
    ) -> Iterator[str]:
        """Say what is wrong with an answer, and take note of what it changed."""
        where = f"{call.method} {call.path}?{call.query} by a key of {holder.scopes} {holder.machines} {bad}"
        seen = set(WORD.findall(answer.body.decode("utf-8", "replace") + answer.headers))
        if KEY_SECRET.search(answer.body.decode("utf-8", "replace")):
            yield f"{where}: a key is in the answer"
        if route.scope == OPEN:
            if answer.status >= 500 or seen - call.said:
                yield f"{where}: {answer.status}, and {seen - call.said} for everyone"
            return
        status, code, why = self.expected(route, holder, machine, tenant, bad)
        self.met[f"{status} {why}"] += 1
        if (answer.status, answer.code) != (status, code):
            yield f"{where} about {machine!r} of {tenant!r}: {answer.status} {answer.code}, not {status} {code} ({why})"
            return
        if status == 200:
            if route.scope == "write":
                self.machines[holder.tenant].add(machine)
            if strange := seen - call.said - self.may_know(holder):
                yield f"{where}: it was told {strange}"
            if route.path == UPLOAD:
                self.uploaded.add((holder.tenant, machine))
            own = str(self.content(holder.tenant, machine).number)
            if route.path == EXPORT and (holder.tenant, machine) in self.uploaded and own not in seen:
                yield f"{where}: it was not told its own {own}"
            return
        if seen - call.said:
            yield f"{where}: refused, and told {seen - call.said}"
        # Of one route, all that is refused for one reason looks the same: nothing is learned from the answer.
        echoed = json.dumps(repr(machine[:80]))[1:-1].encode()
        plain = answer.body.replace(echoed, b"?")
        first = self.bodies.setdefault((f"{route.method} {route.path}", why), plain)
        if plain != first:
            yield f"{where}: {plain!r} is not {first!r}"

    def judge_lines(self, said: frozenset[str], holder: Holder | None) -> Iterator[str]:
        """Say what the log has that is not of the call, and forget its lines."""
        lines, self.lines = self.lines, []
        for line in lines:
            strange = set(WORD.findall(line)) - said - ({holder.tenant} if holder else set())
            if strange or KEY_SECRET.search(line):
                yield f"the log has {strange or 'a key'}: {line}"


def route_of(method: str, path: str) -> Route:
    return next(route for route in ROUTES if (route.method, route.path) == (method, path))


def wsgi(app: Application, call: Call) -> Answer:
    """Call the application as a server would."""
    body = call.body or b""
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": call.method, "PATH_INFO": unquote_to_bytes(call.path).decode("latin-1"),
        "QUERY_STRING": call.query, "CONTENT_LENGTH": str(len(body)) if call.body is not None else "",
        "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http",
        "SERVER_NAME": "x", "SERVER_PORT": "80",
        "HTTP_HOST": "x", "REMOTE_ADDR": "192.0.2.1", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
        **{("" if name == "Content-Type" else "HTTP_") + name.upper().replace("-", "_"): value
           for name, value in call.headers.items()},
    }  # fmt: skip
    answered = app(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    try:
        content = b"".join(answered)
    finally:
        if (close := getattr(answered, "close", None)) is not None:
            close()
    status, headers = started[-1]
    return Answer(int(status.partition(" ")[0]), repr(headers), content)


def over_http(address: tuple[str, int]) -> Callable[[Call], Answer]:
    def ask(call: Call) -> Answer:
        with closing(http.client.HTTPConnection(*address, timeout=30)) as connection:
            target = f"{call.path}?{call.query}" if call.query else call.path
            connection.request(call.method, target, call.body, call.headers)
            response = connection.getresponse()
            return Answer(response.status, repr(response.getheaders()), response.read())

    return ask


def violations(world: World, calls: int, change_every: int = 200) -> list[str]:
    """Make random calls, changing keys meanwhile, and return what went wrong."""
    found: list[str] = []
    with listening(world):
        for number in range(calls):
            if number % change_every == change_every - 1:
                world.change()
            route, holder, machine, tenant, call, bad = world.random_call()
            found += world.judge(route, holder, machine, tenant, call, bad, wsgi(world.app, call))
            found += world.judge_lines(call.said, holder if holder.valid and not bad else None)
    return found


def violations_over_http(world: World, calls: int, threads: int) -> list[str]:
    """The same through a server that runs, from several threads at once; keys stay what they are meanwhile."""
    receiver = Receiver(world.app, "127.0.0.1", 0)
    serving = threading.Thread(target=receiver.run)
    serving.start()
    ask = over_http(("127.0.0.1", int(receiver.url.rpartition(":")[2])))
    found: list[str] = []
    judging = threading.Lock()

    def one(_: int) -> None:
        with judging:
            asked = world.random_call()
        answer = ask(asked[4])
        with judging:
            found.extend(world.judge(*asked, answer))

    try:
        with listening(world), ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(calls)))
    finally:
        receiver.stop()
        serving.join()
    said_by_calls = {*world.tenants, *(word for machine in world.known() for word in WORD.findall(machine))}
    return [*found, *world.judge_lines(frozenset(said_by_calls), None)]


def foreign_words(world: World, tenant: str, folder: Path) -> set[str]:
    """Return the canaries in the files below a folder, a tenant's site, that are not the tenant's."""
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    found = set(WORD.findall(everything.decode("utf-8", "replace")))
    # A site that says nothing at all would say nothing wrong.
    assert found & {world.content(tenant, machine).name for machine in world.machines[tenant]}
    return found - world.may_know(Holder("", tenant))


@contextmanager
def listening(world: World) -> Iterator[None]:
    """Note every line that the log would have, at its most talkative."""
    formatter = log.OneLine()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            world.lines.append(formatter.format(record))

    logger, noting = logging.getLogger("perfanalysis"), Noting()
    level = logger.level
    logger.addHandler(noting)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(noting)
        logger.setLevel(level)

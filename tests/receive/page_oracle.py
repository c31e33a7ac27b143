"""
An oracle of the pages for people and of signed links: the world of `access_oracle`, asked with sessions and passwords.

It says what it finds wrong as sentences, as that one does.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from access_oracle import EXPORT, KEY_SECRET, TRAVERSALS, WORD, Answer, Call, Holder, World, listening, word, wsgi
from page_visitor import FORM, basic
from receiver_peer import BOUNDARY, form

from appliance.receive.application import OPEN, PAGES, READ, WRITE, Route
from appliance.store.tenant import site_of

TOKEN = re.compile(r'name="token" value="([^"]+)"')
COOKIE = re.compile(r"perfanalysis_session=[A-Za-z0-9_-]+")
SITE = ("", "index.html", "machines/one.html")
SESSION, PASSWORD, BEARER, NOTHING, WRONG = "session", "password", "bearer", "nothing", "a wrong key"
WAYS = (SESSION, SESSION, SESSION, PASSWORD, BEARER, NOTHING, WRONG)
KNOWN_PAGES = {"/", "/reports/", "/reports/<path:path>", "/upload"}
"""Where a page has something of a tenant."""


@dataclass
class Visited:
    """What a visit was, as its answer is judged by it."""

    holder: Holder
    way: str
    route: Route
    machine: str
    tenant: str
    own_token: bool
    call: Call

    @property
    def known(self) -> bool:
        """Whether the receiver knows who it is."""
        forms = self.route.method == "POST"
        return self.holder.valid and self.way in ((SESSION,) if forms else (SESSION, PASSWORD, BEARER))


class People:
    """The holders of the keys of a world, at their browsers."""

    def __init__(self, world: World):
        self.world = world
        self.random = world.random
        self.cookies: dict[str, tuple[str, str]] = {}
        """By key: the cookie of a session, and the token of its forms."""
        self.sites = {tenant: word() for tenant in world.tenants}
        for tenant, canary in self.sites.items():
            for name in SITE[1:]:
                path = site_of(world.folder, tenant) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"<!doctype html><title>{canary}</title>{tenant}")
        # Before any of the keys ends.
        for holder in world.holders:
            self.session(holder)

    def session(self, holder: Holder) -> tuple[str, str]:
        """Return the cookie and the token of a holder who has signed in, as soon as the key was ever valid."""
        if holder.key not in self.cookies and holder.valid:
            signed = wsgi(
                self.world.app,
                Call("POST", "/sign-in", "", {"Content-Type": FORM}, urlencode({"key": holder.key}).encode(), NONE),
            )
            cookie = COOKIE.search(signed.headers)
            assert cookie is not None, signed
            first = wsgi(self.world.app, Call("GET", "/", "", {"Cookie": cookie[0]}, None, NONE))
            token = TOKEN.search(first.body.decode())
            self.cookies[holder.key] = (cookie[0], token[1] if token else "")
        return self.cookies.get(holder.key, ("perfanalysis_session=none", ""))

    def visit(self) -> Visited:
        """Return a random visit to a page."""
        choose, world = self.random.choice, self.world
        route = choose([route for route in PAGES if route.path in KNOWN_PAGES and route.answer.__name__ != "to_home"])
        holder, other = choose(world.holders), choose(world.holders)
        if self.random.random() < 0.5:
            holder = choose([holder for holder in world.holders if holder.valid])
        way, machine = choose(WAYS), choose([*sorted(world.machines[holder.tenant])[:3], *holder.machines[:1]])
        machine = choose([machine, machine, *sorted(world.machines[other.tenant])[:1], choose(TRAVERSALS)])
        tenant = choose(["", "", "", holder.tenant, other.tenant, ".."])
        cookie, token = self.session(holder)
        headers = {
            SESSION: {"Cookie": cookie}, PASSWORD: basic(holder.key), NOTHING: {},
            BEARER: {"Authorization": f"Bearer {holder.key}"}, WRONG: basic(f"{holder.key[:-1]}x"),
        }[way]  # fmt: skip
        path, body, own_token = route.path, None, True
        said = {*WORD.findall(machine), *WORD.findall(tenant)}
        if "<path:path>" in path:
            path = f"/reports/{choose(SITE[1:])}"
        if route.method == "POST":
            own_token = bool(token) and self.random.random() < 0.8
            shown = token if own_token else choose(["", "x", self.session(other)[1] if other is not holder else "x"])
            # A person may have copied more than the id.
            content = world.content(holder.tenant, machine.strip())
            said |= {content.device, str(content.number)}
            headers = {**headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            # A form without a token is refused as one that lacks a field.
            body = form(content.csv(machine.strip()), machine_id=machine, token=shown or "none")
        query = urlencode({"tenant_id": tenant}) if tenant else ""
        call = Call(route.method, path, query, headers, body, frozenset(said))
        return Visited(holder, way, route, machine, tenant, own_token, call)

    def expected(self, visited: Visited) -> tuple[int, str]:
        """Return the status of a visit, and why."""
        holder, route = visited.holder, visited.route
        if not visited.known:
            shows_key = visited.way not in (SESSION, NOTHING)
            return (401, "key") if route.scope != OPEN or shows_key else (200, "stranger")
        if route.scope != OPEN and route.scope not in holder.scopes:
            return 403, "scope"
        if visited.tenant not in ("", holder.tenant):
            return 403, "tenant"
        if route.scope == READ and holder.machines:
            return 403, "binding"
        if route.scope == WRITE:
            if not visited.own_token:
                return 403, "token"
            if visited.machine.strip() in TRAVERSALS:
                return 400, "machine id"
            if not holder.covers(visited.machine.strip()):
                return 403, "binding"
        return 200, route.path

    def judge(self, visited: Visited, answer: Answer) -> Iterator[str]:
        """Say what is wrong with an answer, and take note of what it changed."""
        holder, route = visited.holder, visited.route
        where = (
            f"{visited.call.method} {visited.call.path}?{visited.call.query} by {visited.way} of a key of "
            f"{holder.scopes} {holder.machines} about {visited.machine!r}"
        )
        text = answer.body.decode("utf-8", "replace")
        seen = set(WORD.findall(text + answer.headers))
        status, why = self.expected(visited)
        self.world.met[f"{status} {why}"] += 1
        if KEY_SECRET.search(text):
            yield f"{where}: a key is in the answer"
        if answer.status != status:
            yield f"{where}: {answer.status}, not {status} ({why}): {text[:200]}"
            return
        if status == 200 and route.scope == WRITE:
            self.world.machines[holder.tenant].add(visited.machine.strip())
        may = set(visited.call.said)
        if visited.known:
            # A form that is refused is shown again, in the page of who sent it.
            may |= {holder.tenant} | (self.world.may_know(holder) if READ in holder.scopes else set())
            may |= {found for machine in holder.machines for found in WORD.findall(machine)}
        if status == 200 and route.scope == READ:
            may.add(self.sites[holder.tenant])
            if self.sites[holder.tenant] not in seen:
                yield f"{where}: it was not shown its own site"
        if seen - may:
            yield f"{where}: it was told {seen - may}"

    def links(self) -> Iterator[str]:
        """Ask for a link, follow it, and say what is wrong with what it opens, to whom, and what it does if changed."""
        world, choose = self.world, self.random.choice
        holder, other = choose(world.holders), choose(world.holders)
        machine = choose(sorted(world.machines[choose([holder, holder, other]).tenant]))
        shown = {"Authorization": f"Bearer {holder.key}"}
        said = frozenset(WORD.findall(machine))
        given = wsgi(
            world.app, Call("GET", "/api/v1/performance/data", urlencode({"machine_id": machine}), shown, None, said)
        )
        good = holder.valid and READ in holder.scopes and holder.covers(machine)
        good = good and machine in world.machines[holder.tenant]
        if (given.status == 200) != good:
            yield f"a link to {machine} for a key of {holder.scopes} {holder.machines}: {given.status}"
        if given.status != 200:
            return
        query = urlsplit(json.loads(given.body)["data_url"]).query
        theirs = choose(sorted(world.machines[other.tenant]))
        for changed, headers, status in (
            (query, {}, 200),
            (query, {"Authorization": f"Bearer {other.key}"},
             401 if not other.valid else 200 if other.tenant == holder.tenant else 403),
            (query.replace(machine, theirs), {}, 200 if theirs == machine else 401),
            (query.replace(holder.key_id, other.key_id), {}, 200 if other.key_id == holder.key_id else 401),
            (re.sub("expires=[0-9]+", "expires=9999999999", query), {}, 401),
            (f"{query}&start=2024-01-01", {}, 401),
        ):  # fmt: skip
            answer = wsgi(world.app, Call("GET", EXPORT, changed, headers, None, said))
            seen = set(WORD.findall(answer.body.decode() + answer.headers)) - said
            world.met[f"link {answer.status}"] += 1
            if answer.status != status or seen - (world.may_know(holder) if status == 200 else set()):
                yield f"a link with {changed} and {headers}: {answer.status}, not {status}, and told {seen}"


NONE: frozenset[str] = frozenset()


def page_violations(world: World, visits: int, change_every: int = 100) -> list[str]:
    """Make random visits, and follow links, changing keys meanwhile; return what went wrong."""
    found: list[str] = []
    people = People(world)
    with listening(world):
        for number in range(visits):
            if number % change_every == change_every - 1:
                world.change()
            if number % 10 == 0:
                found += people.links()
                world.lines.clear()
                continue
            visited = people.visit()
            world.lines.clear()
            found += people.judge(visited, wsgi(world.app, visited.call))
            found += world.judge_lines(visited.call.said, visited.holder if visited.known else None)
    return found

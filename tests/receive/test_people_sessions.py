"""Sessions of people: how they begin and end, what their cookie is, and who else may not use them."""

import re
import threading
import time

import pytest
from page_visitor import FORM, Person, basic, cookie_of, text_of
from receiver_peer import Peer, StartReceiver, assert_refused, csv_text

from appliance.receive.application import PAGES, ROUTES
from appliance.receive.limits import Limits
from appliance.receive.people.entrance import local
from appliance.receive.people.sessions import COOKIE, cookie
from appliance.store.registry import now_ms

UNKNOWN = f"pa1_{'0' * 12}_{'0' * 64}_{'0' * 8}"


def id_of(key: str) -> str:
    return key.split("_")[1]


@pytest.fixture
def person(peer: Peer) -> Person:
    found = Person(peer)
    assert found.sign_in(peer.key).status == 303
    return found


def signed_in(person: Person) -> bool:
    return b'action="/sign-out"' in person.get("/").body


def test_signing_in_leads_to_the_first_page_and_gives_a_cookie_that_holds_no_key(peer: Peer) -> None:
    reply = Person(peer).send("/sign-in", key=f"  {peer.key}\n")

    pair, attributes = cookie_of(reply)
    name, _, value = pair.partition("=")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert name == COOKIE
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", value)
    assert id_of(peer.key) not in value
    assert attributes == {"Path=/", "HttpOnly", "SameSite=Strict"}


def test_by_tls_the_cookie_is_never_sent_in_the_clear() -> None:
    by_tls = cookie("x", {"wsgi.url_scheme": "https"})
    assert by_tls.startswith(f"__Host-{COOKIE}=x; Path=/;")
    assert by_tls.endswith("; Secure")
    assert "Domain" not in by_tls
    plain = cookie("x", {"wsgi.url_scheme": "http"})
    assert plain.startswith(f"{COOKIE}=x;")
    assert "Secure" not in plain


def test_by_a_proxy_that_speaks_tls_only_the_cookie_of_this_host_counts(start_receiver: StartReceiver) -> None:
    peer = start_receiver(proxies=["127.0.0.1"])
    person = Person(peer, more={"X-Forwarded-Proto": "https"})
    assert person.sign_in(peer.key).status == 303

    secret = person.cookie.partition("=")[2]

    assert person.cookie == f"__Host-{COOKIE}={secret}"
    assert signed_in(person)
    assert not signed_in(Person(peer, f"{COOKIE}={secret}", more=person.more))
    assert not signed_in(Person(peer, person.cookie))


def test_what_is_kept_of_a_session_opens_nothing(peer: Peer, person: Person) -> None:
    secret = person.cookie.partition("=")[2]

    kept = repr(list(peer.application.sessions.sessions.items()))

    assert secret not in kept
    assert peer.key.split("_")[2] not in kept


def test_each_signing_in_is_a_new_session_and_ends_the_one_before(person: Person) -> None:
    first = person.cookie

    person.sign_in(person.peer.key)

    assert person.cookie != first
    assert signed_in(person)
    assert not signed_in(Person(person.peer, first))


def test_every_bad_key_gets_the_same_page_and_no_cookie(peer: Peer) -> None:
    registry = peer.registry
    expires_ms = now_ms() + 500
    bad = {
        "unknown": UNKNOWN, "mistyped": peer.key[:-1] + "z", "empty": "", "huge": "x" * 3000, "none": "none",
        "revoked": registry.create_key("team-a"), "expired": registry.create_key("team-a", expires_ms=expires_ms),
        "waiting": registry.create_key("team-a", starts_ms=now_ms() + 600_000),
    }  # fmt: skip
    registry.revoke_key(id_of(bad["revoked"]))
    time.sleep(max(0, expires_ms - now_ms()) / 1000 + 0.01)

    replies = [Person(peer).send("/sign-in", key=key) for key in bad.values()]

    assert {reply.status for reply in replies} == {401}
    assert len({reply.body for reply in replies}) == 1
    assert "This key is not valid" in text_of(replies[0])
    assert not any("set-cookie" in reply.headers for reply in replies)
    # A scheme that makes no browser open a dialog.
    assert {reply.headers["www-authenticate"] for reply in replies} == {"Bearer"}


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/", "/"), ("/reports/", "/reports/"), ("/reports/m/web-1/index.html", "/reports/m/web-1/index.html"),
        ("//evil.example/", "/"), ("https://evil.example/", "/"), ("/reports//evil", "/"), ("/reports/../x", "/"),
        ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("/reports/\r\nSet-Cookie: x=y", "/"), ("", "/"),
        ("/reports/\n", "/"), ("/api/v1/machines", "/"),
    ],
)  # fmt: skip
def test_one_goes_on_to_a_page_of_ours_and_nowhere_else(wanted: str, path: str) -> None:
    assert local(wanted) == path


def test_a_page_that_was_asked_for_comes_after_signing_in(peer: Peer) -> None:
    person = Person(peer)

    asked = person.get("/reports/m/web-1/index.html")
    reply = person.send("/sign-in", key=peer.key, wanted="/reports/m/web-1/index.html")

    assert asked.status == 401
    assert b'value="/reports/m/web-1/index.html"' in asked.body
    assert reply.headers["location"] == "/reports/m/web-1/index.html"


def test_signing_out_ends_the_session_and_empties_the_browser(person: Person) -> None:
    before = person.cookie

    reply = person.send("/sign-out", token=person.token)

    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert cookie_of(reply) == (f"{COOKIE}=", {"Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=0"})
    assert reply.headers["clear-site-data"] == '"cache"'
    assert not signed_in(Person(person.peer, before))
    assert person.send("/sign-out").status == 303


@pytest.mark.parametrize("path", ["/", "/reports/"])
def test_a_revoked_key_ends_its_sessions_at_once(person: Person, path: str) -> None:
    other = Person(person.peer)
    other.sign_in(person.peer.registry.create_key("team-a"))

    person.peer.registry.revoke_key(id_of(person.peer.key))

    assert "Sign in" in text_of(person.get(path))
    assert_refused(person.ask("POST", "/upload", b"x", {"Accept": "*/*"}), 401, "INVALID_API_KEY")
    assert signed_in(other)


def test_a_key_that_expires_ends_its_sessions(peer: Peer) -> None:
    person = Person(peer)
    expires_ms = now_ms() + 2000
    person.sign_in(peer.registry.create_key("team-a", expires_ms=expires_ms))
    before = signed_in(person)

    time.sleep(max(0, expires_ms - now_ms()) / 1000 + 0.01)

    assert before
    assert not signed_in(person)


def test_sessions_end_when_they_are_idle(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(session_idle_seconds=2, session_seconds=100))
    person, idle = Person(peer), Person(peer)
    idle.sign_in(peer.key)
    person.sign_in(peer.key)

    until = time.monotonic() + 2.2
    used = []
    while time.monotonic() < until:
        used.append(signed_in(person))

    assert all(used)
    assert not signed_in(idle)


def test_sessions_end_when_they_are_old_however_much_they_are_used(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(session_idle_seconds=100, session_seconds=2))
    person = Person(peer)
    person.sign_in(peer.key)
    before = signed_in(person)

    until = time.monotonic() + 2.1
    while time.monotonic() < until:
        person.get("/")

    assert before
    assert not signed_in(person)


def test_sessions_are_bounded_and_the_longest_idle_makes_room(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(sessions=4, sessions_of_a_key=3))
    others = [Person(peer), Person(peer)]
    others[0].sign_in(peer.other_key)
    people = [Person(peer) for _ in range(5)]
    for person in people:
        person.sign_in(peer.key)
    own = [signed_in(person) for person in people]
    others[1].sign_in(peer.other_key)

    assert own == [False, False, True, True, True]
    assert [signed_in(other) for other in others] == [False, True]
    assert len(peer.application.sessions.sessions) == 4


def test_many_may_sign_in_at_once(peer: Peer) -> None:
    people = [Person(peer) for _ in range(8)]
    threads = [threading.Thread(target=person.sign_in, args=(peer.key,)) for person in people]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(signed_in(person) for person in people)
    assert len({person.cookie for person in people}) == 8


def test_a_cookie_that_is_none_is_a_strangers(peer: Peer) -> None:
    for sent in (f"{COOKIE}=", f"{COOKIE}=x", f"{COOKIE}=\xe9", COOKIE, "=", ";;;", f"{COOKIE}={'x' * 8000}", "a=b; c"):
        reply = Person(peer).get("/", {"Cookie": sent})

        assert reply.status == 200
        assert b'action="/sign-in"' in reply.body


def test_a_cookie_of_ours_counts_beside_others(person: Person) -> None:
    person.cookie = f"a=b; {COOKIE}=of-another-path; {person.cookie}; c"

    assert signed_in(person)


def test_no_route_of_programs_takes_a_session(person: Person) -> None:
    for route in ROUTES:
        path, body = route.path.replace("<machine_id>", "web-1"), b"{}" if route.method == "POST" else None

        with_cookie = person.ask(route.method, path, body)
        without = Person(person.peer).ask(route.method, path, body)

        assert with_cookie.status == without.status
        if route.scope:
            assert_refused(with_cookie, 401, "INVALID_API_KEY")
            assert with_cookie.body == without.body


def test_a_form_needs_the_token_of_its_session(person: Person) -> None:
    other = Person(person.peer)
    other.sign_in(person.peer.key)

    for token in ("", "x", other.token, "é"):
        reply = person.upload(csv_text(), machine_id="web-1", token=token)
        out = person.send("/sign-out", token=token)

        assert reply.status in (400, 403)
        assert "Not stored" in text_of(reply)
        assert out.status == 403
    assert person.peer.stored_nothing()
    assert signed_in(person)
    assert person.upload(csv_text(), machine_id="web-1").status == 200


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
    {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "cross-site", "Origin": "OURS"},
]  # fmt: skip


def test_what_a_page_of_another_site_sends_is_refused_by_its_head(person: Person) -> None:
    host, port = person.peer.address
    for path in [route.path for route in PAGES if route.method == "POST"]:
        for headers in FOREIGN:
            sent = {name: value.replace("OURS", f"http://{host}:{port}") for name, value in headers.items()}

            # The body never comes: nobody waits for it.
            reply = person.ask("POST", path, None, {**sent, "Content-Type": FORM, "Content-Length": "50"})

            assert reply.status == 403
            assert "another site" in text_of(reply)


def test_what_our_own_pages_send_is_taken(person: Person) -> None:
    host, port = person.peer.address
    ours = [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": f"http://{host}:{port}"}, {}]

    assert [person.upload(csv_text(), headers, machine_id="web-1").status for headers in ours] == [200] * 4


def test_a_key_may_be_the_password_of_http_basic(peer: Peer) -> None:
    for user in ("anyone", "", "ü", "a b"):
        assert "team-a" in text_of(peer.ask("GET", "/", headers=basic(peer.key, user), key=None))
    for path in ("/", "/reports/"):
        for header in ("Basic x", "Basic", "Basic !!!", basic("x")["Authorization"], basic("")["Authorization"]):
            reply = peer.ask("GET", path, headers={"Authorization": header}, key=None)

            assert_refused(reply, 401, "INVALID_API_KEY")
            assert reply.headers["www-authenticate"].startswith("Basic realm=")


def test_a_browser_that_uses_http_basic_gets_a_session_for_its_forms_and_a_program_does_not(peer: Peer) -> None:
    person = Person(peer)

    page = person.get("/", basic(peer.key))
    program = peer.ask("GET", "/", headers=basic(peer.key), key=None)

    assert person.cookie.startswith(f"{COOKIE}=")
    assert person.token.encode() in page.body
    assert "set-cookie" not in program.headers
    assert b'action="/upload"' not in program.body
    assert person.upload(csv_text(), machine_id="web-1").status == 200


def test_http_basic_alone_sends_no_form(peer: Peer) -> None:
    """A browser shows it by itself, whoever made it send the form."""
    assert_refused(peer.ask("POST", "/upload", b"x", basic(peer.key), key=None), 401, "INVALID_API_KEY")
    assert_refused(peer.ask("POST", "/upload", b"x"), 401, "INVALID_API_KEY")


def test_the_api_takes_no_http_basic(peer: Peer) -> None:
    reply = peer.ask("GET", "/api/v1/machines", headers=basic(peer.key), key=None)

    assert_refused(reply, 401, "INVALID_API_KEY")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"key=%ff", b"&" * 100, b"key=" + b"x" * 5000, b"", b"key=a&key=b"])
def test_a_hostile_form_is_refused(peer: Peer, body: bytes) -> None:
    reply = Person(peer).ask("POST", "/sign-in", body, {"Content-Type": FORM, "Content-Length": str(len(body))})

    assert reply.status in (400, 401, 413)
    assert "set-cookie" not in reply.headers


def test_a_link_from_another_site_is_followed_once_more_so_that_the_cookie_comes(peer: Peer) -> None:
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    for path in ("/", "/reports/"):
        assert Person(peer).get(path, linked).headers["refresh"] == "0"
        assert "refresh" not in Person(peer).get(path, {**linked, "Sec-Fetch-Site": "same-origin"}).headers
        assert "refresh" not in Person(peer).get(path, {**linked, "Sec-Fetch-Mode": "no-cors"}).headers

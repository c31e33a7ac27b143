"""The pages for people: what each kind of key sees, what becomes of an upload, and errors that can be read."""

import gzip
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from page_visitor import Person, text_of
from receiver_peer import Peer, Reply, StartReceiver, assert_refused, batch, csv_text, form, measurement

from appliance.receive import people
from appliance.receive.application import PAGES
from appliance.receive.limits import Limits
from appliance.store import history

NO_PAGES = {"__init__", "errors", "sessions", "visits"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}\u202e\x1b[31m"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def person(peer: Peer) -> Person:
    found = Person(peer)
    assert found.sign_in(peer.key).status == 303
    return found


def with_key(peer: Peer, *scopes: str, machines: tuple[str, ...] = ()) -> Person:
    found = Person(peer)
    assert found.sign_in(peer.registry.create_key("team-a", scopes, machines=machines)).status == 303
    return found


def test_every_module_of_pages_is_on_the_list() -> None:
    modules = {path.stem for path in Path(people.__file__).parent.glob("*.py")} - NO_PAGES

    assert {route.answer.__module__.rpartition(".")[2] for route in PAGES} == modules
    assert all(route.page for route in PAGES)


def test_a_stranger_gets_a_form_to_sign_in_and_nothing_else(peer: Peer) -> None:
    peer.upload(csv_text(), machine_id="web-1")

    reply = Person(peer).get("/")

    assert reply.status == 200
    assert b'<form class="form" method="post" action="/sign-in">' in reply.body
    assert b'type="password"' in reply.body
    assert b"web-1" not in reply.body
    assert b"team-a" not in reply.body


def test_the_first_page_shows_what_is_stored(person: Person) -> None:
    empty = text_of(person.get("/"))
    person.peer.upload(csv_text(rows=3), machine_id="web-1")
    person.peer.trickle(batch(measurement(), identifier="db-1"))
    history.rename(person.peer.application.stores.tenant("team-a"), "web-1", "Shop, front")

    text = text_of(person.get("/"))

    assert "Nothing is stored yet." in empty
    assert "4 samples of 2 machines, 2024-01-01 00:00:00 to 00:02:00 UTC." in text
    assert re.search(r"Shop, front web-1 3 2024-01-01 00:00:00 to 00:02:00 20\d\d-", text)
    assert re.search(r"db-1 1 2024-01-01 00:00:00 20\d\d-", text)


def test_nothing_of_another_tenant_is_shown(person: Person) -> None:
    person.peer.upload(csv_text("canary-1"), key=person.peer.other_key, machine_id="canary-1")

    pages = [person.get("/"), person.get("/reports/"), person.upload(csv_text(), machine_id="web-1")]

    assert all(b"canary" not in page.body and b"team-b" not in page.body for page in pages)


def test_a_key_that_only_writes_uploads_and_sees_no_data(peer: Peer) -> None:
    peer.upload(csv_text("secret-1"), machine_id="secret-1")
    writer = with_key(peer, "write")

    page = writer.get("/")
    stored = writer.upload(csv_text(), machine_id="web-1")

    assert b"secret-1" not in page.body
    assert "This key may upload and not read" in text_of(page)
    assert (stored.status, b"secret-1" in stored.body) == (200, False)
    assert "3 samples stored" in text_of(stored)
    assert writer.get("/reports/").status == 403


def test_a_key_that_only_reads_sees_no_upload_form_and_why(peer: Peer) -> None:
    peer.upload(csv_text(), machine_id="web-1")
    reader = with_key(peer, "read")

    page = reader.get("/")
    reply = reader.upload(csv_text("web-2"), machine_id="web-2")

    assert b'action="/upload"' not in page.body
    assert "This key may read and not upload: that takes a key with the scope write." in text_of(page)
    assert "web-1" in text_of(page)
    assert reply.status == 403
    assert peer.stored()["machine"] == 1


def test_a_key_of_neither_scope_is_told_so(peer: Peer) -> None:
    text = text_of(with_key(peer, "admin").get("/"))

    assert "This key may upload and not read" not in text
    assert "This key may neither read nor upload" in text


def test_a_bound_key_sees_and_sends_its_machines_alone(peer: Peer) -> None:
    for machine in ("web-1", "web-2"):
        peer.upload(csv_text(machine), machine_id=machine)
    bound = with_key(peer, "read", "write", machines=("web-1",))

    page = bound.get("/")
    other = bound.upload(csv_text("web-2", rows=9), machine_id="web-2")

    assert b"web-2" not in page.body
    assert "This key is bound to web-1: other machines are not shown." in text_of(page)
    assert b'value="web-1" autocomplete' in page.body
    assert other.status == 403
    assert "bound to other machines" in text_of(other)
    assert bound.upload(csv_text("web-1", rows=9), machine_id="web-1").status == 200
    assert bound.get("/reports/").status == 403


def test_an_upload_by_the_form_is_stored_and_says_what_of_it(person: Person) -> None:
    first = person.upload(csv_text(rows=3), machine_id="web-1")
    again = person.upload(csv_text(rows=3), machine_id="web-1")
    more = person.upload(csv_text(rows=5), machine_id="web-1")
    known = person.upload(csv_text(rows=4), machine_id="web-1")

    texts = [text_of(reply) for reply in (first, again, more, known)]
    assert [reply.status for reply in (first, again, more, known)] == [200] * 4
    assert "3 samples stored All of the file is new" in texts[0]
    assert "New samples 3 Stored before 0 Period 2024-01-01 00:00:00 to 00:02:00 UTC" in texts[0]
    assert "Stored before This very file was uploaded before" in texts[1]
    assert "New samples 0 Stored before 3" in texts[1]
    assert "2 samples stored 3 samples of the file were stored before, with the same values." in texts[2]
    assert "Nothing new All 4 samples of the file were stored before" in texts[3]
    assert "5 samples of 1 machine" in texts[3]
    assert person.peer.stored()["batch"] == 3


def test_recordings_and_zipped_files_are_taken_as_by_the_api(person: Person, recordings: Path) -> None:
    file = gzip.compress((recordings / "azure_b1s_cpu_then_io" / "host.json").read_bytes())

    recording = person.upload(file, machine_id="b1s")
    by_api = person.peer.upload(file, machine_id="b1s")

    assert "180 samples stored" in text_of(recording)
    assert by_api.json["duplicate"]


def test_warnings_are_shown(person: Person) -> None:
    reply = person.upload(csv_text("other"), machine_id="web-1")

    assert "Worth knowing The file names its machine other: it was taken for web-1." in text_of(reply)


@pytest.mark.parametrize(
    ("send", "status", "sentence"),
    [
        (lambda one: one.upload(csv_text().replace("10.2", "ten", 1), machine_id="web-1"), 400,
         "Not stored Line 2, column cpu_system: 'ten' is not a number. Mend the file there and upload it again."),
        (lambda one: one.upload("hello\n", machine_id="web-1"), 400, "Columns it has hello"),
        (lambda one: one.upload(csv_text().replace("cpu_user", "cpu_usr"), machine_id="web-1"), 400,
         "Missing required column: cpu_user Line 1 Columns it needs timestamp, machine_id, cpu_user, cpu_system"),
        (lambda one: one.upload(None, machine_id="web-1"), 400, "The form has no file. Choose a file"),
        (lambda one: one.upload(csv_text(), machine_id=""), 400, "The form has no machine_id."),
        (lambda one: one.upload("", machine_id="web-1"), 400, "Check that it is the right file"),
        (lambda one: one.upload(csv_text(), machine_id="../x"), 400, "'../x' is not a machine id"),
        (lambda one: one.upload(csv_text().encode("utf-16"), machine_id="web-1"), 400, "Save the file as UTF-8"),
        (lambda one: one.upload(b"\x1f\x8bnot gzip", machine_id="web-1"), 400, "Check that it is a CSV file"),
        (lambda one: one.upload(csv_text() + csv_text("b").partition("\n")[2], machine_id="web-1"), 400,
         "Make a file for each machine"),
        (lambda one: one.ask("POST", "/upload", b"x", {"Content-Type": "text/csv"}), 415, "Not stored Send a form"),
        (lambda one: one.ask("POST", "/upload", form("x")[:-9], {"Content-Type": "multipart/form-data; boundary=y"}),
         400, "upload it again"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_what_to_do(
    person: Person, send: Callable[[Person], Reply], status: int, sentence: str
) -> None:
    reply = send(person)

    assert reply.status == status
    assert sentence in text_of(reply)
    assert b'action="/upload"' in reply.body
    assert person.peer.stored_nothing()


def test_a_conflict_names_the_first_value_that_differs(person: Person) -> None:
    person.upload(csv_text(rows=2), machine_id="web-1")

    reply = person.upload(csv_text(rows=3, user=99.0), machine_id="web-1")

    assert reply.status == 409
    assert "2 of 3 samples have other values than those stored" in text_of(reply)
    assert "What was stored first stays." in text_of(reply)
    assert b'value="web-1" autocomplete' in reply.body


def test_a_file_over_the_limit_is_told_before_it_comes(start_receiver: StartReceiver) -> None:
    person = Person(peer := start_receiver(Limits(file_bytes=1000, form_bytes=1000)))
    person.sign_in(peer.key)

    page = person.get("/")
    by_length = person.upload("x" * 10_000, machine_id="web-1")
    by_file = person.upload("x" * 1001, machine_id="web-1")

    assert b'data-max-bytes="1000"' in page.body
    assert (by_length.status, by_file.status) == (413, 413)
    assert "Too large" in text_of(by_length)
    assert "Not stored" in text_of(by_file)


def test_a_session_that_ends_while_a_file_comes_stores_nothing_and_says_so(person: Person) -> None:
    sent = form(csv_text(), token=person.token, machine_id="web-1")
    head = (
        f"POST /upload HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nCookie: {person.cookie}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={'x' * 20}\r\nContent-Length: {len(sent)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )

    with socket.create_connection(person.peer.address, timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
        person.peer.registry.revoke_key(person.peer.key)
        connection.sendall(sent)
        while more := connection.recv(65536):
            answer += more

    assert b"HTTP/1.1 100 Continue" in answer
    assert b"HTTP/1.1 401 " in answer
    assert b"You have to sign in again: the session has ended. What was on its way was not stored." in answer
    assert person.peer.stored_nothing()


def test_names_of_strangers_are_text_and_nothing_else(person: Person) -> None:
    store = person.peer.application.stores.tenant("team-a")
    person.peer.upload(csv_text(), machine_id="web-1")
    history.rename(store, "web-1", HOSTILE)
    header = csv_text().replace("cpu_user", HOSTILE.replace("\x1b", "").replace(",", ""))

    pages = [
        person.get("/"), person.upload(header, machine_id="web-2"), person.upload(csv_text(), machine_id=HOSTILE),
        person.upload(csv_text().replace("10.2", HOSTILE.replace("\x1b", "").replace('"', ""), 1), machine_id="x"),
        person.get("/reports/<script>alert(1)</script>"),
    ]  # fmt: skip

    for page in pages:
        assert not re.search(rb"<script>|<img|\xe2\x80\xae|\x1b", page.body)
        assert b"49" not in re.sub(rb'value="[^"]*"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', b"", page.body)
    assert all("alert(1)" in text_of(page) for page in pages[:4])


def test_errors_are_pages_for_people_and_json_for_programs(person: Person) -> None:
    page = person.get("/reports/gone.html")
    program = person.get("/reports/gone.html", {"Accept": "*/*"})
    nowhere = person.get("/nope")

    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page in the report site" in text_of(page)
    assert_refused(program, 404, "NOT_FOUND")
    assert "There is nothing at this path." in text_of(nowhere)
    assert person.get("/reports/gone.html").headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("path", ["/api/v1/machines", "/v1/nope", "/api/", "/health", "/metrics"])
def test_where_programs_ask_there_are_no_pages(person: Person, path: str) -> None:
    assert "html" not in person.get(path).headers["content-type"]


def test_what_breaks_is_a_page_with_a_number(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    store = person.peer.application.stores.tenant("team-a")
    with store.lock:
        store.database.execute_sql("DROP TABLE machine")

    reply = person.get("/")

    number = re.search(r"under ([0-9a-f]{16})\.", text_of(reply))
    assert reply.status == 500
    assert number is not None
    assert number[1] in caplog.text
    assert "sqlite" not in text_of(reply).lower()


def test_every_answer_has_the_headers_that_keep_it_private(person: Person) -> None:
    pages = [person.get("/"), person.get("/sign-in"), person.get("/reports/"), person.get("/nope"),
             person.upload(csv_text(), machine_id="web-1"), person.send("/sign-in", key="x"),
             person.send("/sign-out", token="x")]  # fmt: skip
    others = [person.get("/health"), person.get("/api/v1/machines"), person.get("/upload"), person.get("/assets/x"),
              person.ask("BREW", "/"), Person(person.peer).get("/assets/pa.css")]  # fmt: skip

    for reply in [*pages, *others]:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    for page in pages:
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("name", ["pa.css", "receiver.css", "receiver.js"])
def test_what_pages_fetch_is_kept_until_it_changes(peer: Peer, name: str) -> None:
    first = Person(peer).get(f"/assets/{name}")
    again = Person(peer).get(f"/assets/{name}", {"If-None-Match": first.headers["etag"]})

    assert first.status == 200
    assert first.headers["content-type"].startswith("text/css" if name.endswith("css") else "text/javascript")
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["", "x.css", "..%2fsite.py", "%2e%2e", "pa.css%00", "templates", "../receiver.py"])
def test_nothing_else_is_fetched(peer: Peer, name: str) -> None:
    assert Person(peer).get(f"/assets/{name}").status == 404


@pytest.mark.parametrize("path", ["/upload", "/sign-out"])
def test_the_address_of_a_form_leads_to_the_first_page(person: Person, path: str) -> None:
    reply = person.get(path)

    assert (reply.status, reply.headers["location"]) == (303, "/")


def test_head_has_no_body(person: Person) -> None:
    reply = person.ask("HEAD", "/")

    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 1000


def test_pages_name_no_host(person: Person) -> None:
    for path in ("/", "/sign-in", "/reports/", "/assets/receiver.js", "/assets/receiver.css"):
        assert not re.search(rb"(https?:)?//[a-z]", person.get(path).body.replace(b"<!doctype html>", b""))


def test_too_many_bad_keys_are_told_to_wait_and_a_good_one_is_let_in(start_receiver: StartReceiver) -> None:
    peer = start_receiver(Limits(bad_keys_per_minute=3))
    tries = [Person(peer).send("/sign-in", key="bad") for _ in range(5)]

    assert [reply.status for reply in tries] == [401, 401, 401, 429, 429]
    assert "retry-after" in tries[-1].headers
    assert "Wait a minute and try again." in text_of(tries[-1])
    assert Person(peer).sign_in(peer.key).status == 303


def test_a_program_that_sends_a_form_is_refused_as_by_every_other_route(peer: Peer) -> None:
    person = Person(peer)
    person.sign_in(peer.key)
    plain = {"Accept": "*/*"}

    assert_refused(person.upload("nonsense", plain, machine_id="web-1"), 400, "INVALID_CSV_FORMAT")
    assert_refused(person.upload("nonsense", plain, machine_id="a b"), 400, "INVALID_MACHINE_ID")
    assert_refused(person.send("/sign-in", plain, key="wrong"), 401, "INVALID_API_KEY")

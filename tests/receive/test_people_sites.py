"""The report site at /reports/: who may see it, what of it is served, and that nothing else ever is."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from page_visitor import Person, basic, text_of
from receiver_peer import Peer, Reply, assert_refused, csv_text

from appliance.receive.people import sites
from appliance.store.tenant import folder_of, site_of

RunProgram = Callable[..., subprocess.CompletedProcess[str]]
PAGE = "<!doctype html><title>report</title>"


@pytest.fixture
def site(peer: Peer) -> Path:
    """A site of team-a, with one of each kind of file."""
    peer.upload(csv_text(), machine_id="web-1")
    folder = site_of(peer.registry.folder, "team-a")
    (folder / "m/web-1").mkdir(parents=True)
    (folder / "a").mkdir()
    for name in ("index.html", "m/web-1/index.html"):
        (folder / name).write_text(PAGE + name)
    for name in ("a/pa.css", "site.json", "m/web-1/cpu.csv", "m/web-1/cpu.csv.gz", "a/x.svg", "report.pdf", "a/pa.js",
                 "odd.bin", "a/x.png"):  # fmt: skip
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def person(peer: Peer, site: Path) -> Person:
    found = Person(peer)
    assert found.sign_in(peer.key).status == 303
    return found


KINDS = {
    "": "text/html; charset=utf-8", "index.html": "text/html; charset=utf-8", "m/web-1/": "text/html; charset=utf-8",
    "m/web-1/index.html": "text/html; charset=utf-8", "a/pa.css": "text/css; charset=utf-8",
    "a/pa.js": "text/javascript; charset=utf-8", "site.json": "application/json",
    "m/web-1/cpu.csv": "text/csv; charset=utf-8", "m/web-1/cpu.csv.gz": "application/gzip", "a/x.svg": "image/svg+xml",
    "a/x.png": "image/png", "report.pdf": "application/pdf", "odd.bin": "application/octet-stream",
}  # fmt: skip


def test_each_file_is_served_as_what_it_is(person: Person) -> None:
    for path, kind in KINDS.items():
        reply = person.get(f"/reports/{path}")

        assert (reply.status, reply.headers["content-type"]) == (200, kind)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert (path.removesuffix("index.html") if kind.startswith("text/html") else path) in reply.body.decode()


def test_a_file_is_kept_and_asked_for_again_each_time(person: Person, site: Path) -> None:
    first = person.get("/reports/")
    etag = first.headers["etag"]
    known = person.get("/reports/", {"If-None-Match": f'"x", W/{etag}'})
    (site / "new").write_text(PAGE)
    (site / "new").rename(site / "index.html")
    changed = person.get("/reports/", {"If-None-Match": etag})
    stranger = Person(person.peer).get("/reports/", {"If-None-Match": changed.headers["etag"]})

    assert first.headers["cache-control"] == "private, no-cache"
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", etag)
    assert changed.status == 200
    assert changed.headers["etag"] != etag
    assert stranger.status == 401


def test_who_may_see_it(peer: Peer, site: Path) -> None:
    registry = peer.registry
    by = {
        "read": registry.create_key("team-a", ["read"]), "write": registry.create_key("team-a", ["write"]),
        "admin": registry.create_key("team-a", ["admin"]), "other": peer.other_key,
        "bound": registry.create_key("team-a", machines=["web-1"]),
    }  # fmt: skip

    def status(who: str, path: str = "/reports/index.html") -> tuple[int, int, int]:
        person = Person(peer)
        person.sign_in(by[who])
        bearer = peer.ask("GET", path, key=by[who])
        return person.get(path).status, peer.ask("GET", path, headers=basic(by[who]), key=None).status, bearer.status

    assert status("read") == (200, 200, 200)
    assert status("write") == status("admin") == status("bound") == (403, 403, 403)
    assert status("other") == (404, 404, 404)
    assert status("other", "/reports/m/web-1/index.html") == (404, 404, 404)


def test_a_program_is_asked_for_a_password_and_a_person_for_a_key(peer: Peer, site: Path) -> None:
    program = peer.ask("GET", "/reports/", key=None)
    browser = Person(peer).get("/reports/")

    assert_refused(program, 401, "INVALID_API_KEY")
    assert program.headers["www-authenticate"].startswith('Basic realm="')
    assert browser.status == 401
    assert browser.headers["www-authenticate"] == "Bearer"
    assert b'action="/sign-in"' in browser.body
    assert b"report</title>" not in browser.body


def test_without_the_slash_one_is_led_to_it(person: Person) -> None:
    reply = person.get("/reports")

    assert (reply.status, reply.headers["location"]) == (303, "/reports/")


OUTSIDE = [
    "../data.sqlite", "%2e%2e/data.sqlite", "..%2fdata.sqlite", "m/../../data.sqlite", "m/web-1/../../../TENANT",
    "/etc/passwd", "%2fetc%2fpasswd", "a//pa.css", "./index.html", "m", "m/", "a", "a/", "index.html/", "index.html%00",
    "index.html%0a", "a\\pa.css", ".hidden", "a/.hidden", "link", "folder/index.html", "pipe", "x" * 300, "%ff",
    "index.html;a=b", "INDEX.HTML", "~root", "site.json%20", "m/web-1", "index.html?x", "../site/index.html",
]  # fmt: skip


def test_nothing_outside_is_served_and_nothing_is_listed(person: Person, site: Path) -> None:
    (site / ".hidden").write_text("secret")
    (site / "a/.hidden").write_text("secret")
    (site / "link").symlink_to("index.html")
    (site / "folder").symlink_to("m")
    os.mkfifo(site / "pipe")

    replies = {path: person.get(f"/reports/{path}") for path in OUTSIDE}

    assert {path: reply.status for path, reply in replies.items() if reply.status != 404} == {"index.html?x": 200}
    assert not any(word in reply.body for reply in replies.values() for word in (b"secret", b"SQLite", b"root:"))


@pytest.mark.parametrize("link", ["site", "tenant", "tenants"])
def test_no_link_on_the_way_is_followed(person: Person, site: Path, tmp_path: Path, link: str) -> None:
    tenant = folder_of(person.peer.registry.folder, "team-a")
    before = person.get("/reports/").status
    linked = {"site": site, "tenant": tenant, "tenants": tenant.parent}[link]
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")

    reply = person.get("/reports/")

    assert (before, reply.status) == (200, 404)
    assert "Nobody has written the report of team-a so far." in text_of(reply)


def test_what_is_missing_is_said_with_what_to_type(peer: Peer) -> None:
    peer.upload(csv_text(), machine_id="web-1")
    person = Person(peer)
    person.sign_in(peer.key)

    page = person.get("/reports/")

    assert page.status == 404
    assert "perfanalysis report --tenant team-a" in text_of(page)
    assert str(peer.registry.folder) not in page.body.decode()
    assert "There is none yet." in text_of(person.get("/"))
    assert_refused(person.get("/reports/", {"Accept": "*/*"}), 404, "NOT_FOUND")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_site_that_may_not_be_read_is_our_fault(person: Person, site: Path) -> None:
    (site / "index.html").chmod(0)

    assert person.get("/reports/").status == 500


def test_report_writes_where_the_receiver_shows(person: Person, site: Path, run_program: RunProgram) -> None:
    folder = person.peer.registry.folder
    for path in sorted(site.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    done = run_program("report", "--tenant", "team-a", "--data", folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{site / 'index.html'}\n"
    first = person.get("/reports/")
    assert "Fleet overview" in text_of(first)
    for path in json.loads(person.get("/reports/site.json").body)["files"]:
        assert person.get(f"/reports/{path}").body == (site / path).read_bytes()
    home = text_of(person.get("/"))
    assert "Open the report Written 20" in home


def test_while_a_site_is_replaced_there_is_always_one(person: Person, site: Path, tmp_path: Path) -> None:
    """As `publish` does it: the new one and the old one change places."""
    from static_site import publish

    files = {"index.html": b"x" * 1000, "site.json": b'{"generator": "perfanalysis"}'}
    (site / "site.json").write_text('{"generator": "perfanalysis"}')
    replies: list[Reply] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            replies.append(person.get("/reports/"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        publish.publish(files, site)
    stop.set()
    reader.join()

    assert len(replies) > 3
    assert {reply.status for reply in replies} == {200}
    assert all(len(reply.body) == 1000 or PAGE in reply.body.decode() for reply in replies)


def test_a_report_of_files_needs_a_folder(run_program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "web.csv").write_text(csv_text())

    done = run_program("report", "--data-file", "web.csv")

    assert done.returncode == 64
    assert done.stderr == (
        "perfanalysis: name a folder for the site with --output DIR: a report of files has no place of its own.\n"
    )


def test_the_policy_of_the_site_keeps_out_all_other_hosts() -> None:
    for policy in (sites.PAGE_POLICY, sites.FILE_POLICY):
        assert "http" not in policy
        assert "*" not in policy
        assert "frame-ancestors 'none'" in policy

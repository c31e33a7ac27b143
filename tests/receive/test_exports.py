"""Exports: what was stored, as the standard CSV, with the key or behind a link that expires."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from receiver_peer import Peer, assert_refused, csv_text

EXPORT, DATA = "/api/v1/performance/export", "/api/v1/performance/data"


@pytest.fixture
def stored(peer: Peer) -> Peer:
    assert peer.upload(csv_text("web-1", rows=5), machine_id="web-1").status == 200
    assert peer.upload(csv_text("secret", rows=2), key=peer.other_key, machine_id="secret").status == 200
    return peer


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_an_export_is_what_was_imported(stored: Peer) -> None:
    reply = stored.ask("GET", f"{EXPORT}?machine_id=web-1&format=csv")

    assert reply.status == 200
    assert reply.body.decode() == csv_text("web-1", rows=5)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="web-1.csv"'


@pytest.mark.parametrize(
    ("span", "rows"),
    [
        ("start=1704067260&end=1704067380", 3),
        ("start=2024-01-01T00:03:00Z", 2),
        ("end=2024-01-01T01:00:30%2B01:00", 1),
        ("start=2024-01-01&end=2024-01-01", 5),
        ("start=&end=", 5),
    ],
)
def test_a_span_has_both_its_ends(stored: Peer, span: str, rows: int) -> None:
    reply = stored.ask("GET", f"{EXPORT}?machine_id=web-1&{span}")

    assert len(reply.body.splitlines()) == rows + 1


@pytest.mark.parametrize("route", [EXPORT, DATA])
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "MISSING_PARAMETERS"),
        ("machine_id=", 400, "MISSING_PARAMETERS"),
        ("machine_id=../x", 400, "INVALID_MACHINE_ID"),
        ("machine_id=web-1&start=yesterday", 400, "BAD_REQUEST"),
        ("machine_id=web-1&start=2024-01-01T00:00:00", 400, "BAD_REQUEST"),
        ("machine_id=web-1&start=" + "9" * 30, 400, "BAD_REQUEST"),
        ("machine_id=web-1&format=xml", 400, "BAD_REQUEST"),
        ("machine_id=web-1&start=2025-01-01", 400, "NO_DATA"),
        ("machine_id=web-1&machine_id=web-2", 400, "BAD_REQUEST"),
        ("machine_id=%ff", 400, "BAD_REQUEST"),
        ("machine_id=web-1&" + "&".join(f"p{at}=" for at in range(40)), 400, "BAD_REQUEST"),
        ("machine_id=web-9", 404, "NOT_FOUND"),
        ("machine_id=secret", 404, "NOT_FOUND"),
        ("machine_id=web-1&tenant_id=team-b", 403, "UNAUTHORIZED"),
    ],
)
def test_a_bad_query_is_refused(stored: Peer, route: str, query: str, status: int, code: str) -> None:
    assert_refused(stored.ask("GET", f"{route}?{query}"), status, code)


def test_a_link_gives_the_export_without_a_key(stored: Peer) -> None:
    reply = stored.ask("GET", f"{DATA}?machine_id=web-1&start=2024-01-01T00:01:00Z&end=2024-01-01")

    assert reply.status == 200
    assert (reply.json["machine_id"], reply.json["row_count"]) == ("web-1", 4)
    link = reply.json["data_url"]
    assert link.startswith(f"http://{stored.address[0]}:{stored.address[1]}{EXPORT}?")
    assert stored.key.split("_")[2] not in link
    opened = stored.ask("GET", path_of(link), key=None)
    assert opened.status == 200
    assert len(opened.body.splitlines()) == 5


def test_a_link_is_not_for_the_key_of_another_tenant(stored: Peer) -> None:
    link = path_of(stored.ask("GET", f"{DATA}?machine_id=web-1").json["data_url"])

    assert_refused(stored.ask("GET", link, key=stored.other_key), 403, "UNAUTHORIZED")
    assert stored.ask("GET", link).status == 200


def test_a_link_behind_a_name_that_cannot_be_trusted_is_relative(stored: Peer) -> None:
    reply = stored.ask("GET", f"{DATA}?machine_id=web-1", headers={"Host": 'evil"/<x>'})

    assert reply.json["data_url"].startswith(f"{EXPORT}?")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("machine_id=web-1", "machine_id=secret"),
        ("end=2024-01-01", "end=2025-01-01"),
        ("expires=1", "expires=2"),
        ("signature=", "signature=0"),
        ("issuer=", "issuer=0"),
        ("&signature", "&tenant_id=team-b&signature"),
    ],
)
def test_a_link_opens_nothing_but_what_it_was_made_for(stored: Peer, old: str, new: str) -> None:
    link = path_of(stored.ask("GET", f"{DATA}?machine_id=web-1&end=2024-01-01").json["data_url"])
    assert old in link

    assert_refused(stored.ask("GET", link.replace(old, new), key=None), 401, "INVALID_API_KEY")


def test_a_link_opens_no_other_path(stored: Peer) -> None:
    link = path_of(stored.ask("GET", f"{DATA}?machine_id=web-1").json["data_url"])

    assert_refused(stored.ask("GET", link.replace(EXPORT, DATA), key=None), 401, "INVALID_API_KEY")


def test_a_link_expires(stored: Peer) -> None:
    link = path_of(stored.ask("GET", f"{DATA}?machine_id=web-1").json["data_url"])
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    now = int(time.time())
    past = {**query, "expires": str(now - 1)}
    del past["signature"]
    expired = "&".join(f"{name}={value}" for name, value in past.items())

    reply = stored.ask(
        "GET", f"{EXPORT}?{expired}&signature={stored.application.links.signature(EXPORT, past)}", key=None
    )

    assert 0 < int(query["expires"]) - now <= 15 * 60
    assert_refused(reply, 401, "INVALID_API_KEY")


def test_a_link_dies_with_the_key_that_made_it(stored: Peer) -> None:
    link = path_of(stored.ask("GET", f"{DATA}?machine_id=web-1").json["data_url"])

    stored.registry.revoke_key(stored.key.split("_")[1])

    assert_refused(stored.ask("GET", link, key=None), 401, "INVALID_API_KEY")


def test_a_head_request_has_the_length_and_no_body(stored: Peer) -> None:
    reply = stored.ask("HEAD", f"{EXPORT}?machine_id=web-1")

    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) == len(csv_text("web-1", rows=5))


def test_a_damaged_block_is_our_fault_and_tells_nothing(stored: Peer) -> None:
    store = stored.application.stores.tenant("team-a")
    with store.lock:
        store.database.execute_sql("UPDATE block SET data = x'00'")

    reply = stored.ask("GET", f"{EXPORT}?machine_id=web-1")

    details = assert_refused(reply, 500, "PROCESSING_ERROR")
    assert details["error_id"] in reply.json["message"]
    assert "block" not in reply.json["message"]

"""Uploads: a form with a file, as browsers, curl and our own sender send it."""

import gzip
import socket
from pathlib import Path

import pytest
from receiver_peer import BOUNDARY, UPLOAD, Peer, StartReceiver, assert_refused, csv_text, form, part

from appliance.receive.limits import Limits

FINAL = f"--{BOUNDARY}--\r\n".encode()


def test_a_csv_is_stored_and_the_answer_says_what_of_it(peer: Peer) -> None:
    reply = peer.upload(csv_text("web-1", rows=3), machine_id="web-1", tenant_id="team-a")

    assert reply.status == 200
    assert {**reply.json, "upload_id": ""} == {
        "status": "success",
        "upload_id": "",
        "machine_id": "web-1",
        "rows_imported": 3,
        "rows_duplicate": 0,
        "duplicate": False,
        "timestamp_range": {"start": "2024-01-01T00:00:00Z", "end": "2024-01-01T00:02:00Z"},
        "warnings": [],
    }
    assert peer.stored()["batch"] == 1


def test_a_recording_is_stored_too(peer: Peer, recordings: Path) -> None:
    file = (recordings / "azure_b1s_cpu_then_io" / "host.json").read_bytes()

    reply = peer.upload(file, machine_id="b1s")

    assert reply.status == 200
    assert reply.json["rows_imported"] == 180


def test_a_portal_csv_is_stored_too_and_its_machine_comes_with_it(peer: Peer, recordings: Path) -> None:
    file = (recordings / "oci_e5_vm01_dm_swap" / "portal.csv").read_bytes()

    first = peer.upload(file, machine_id="vm01")
    again = peer.upload(file, machine_id="vm01")
    broken = peer.upload(file.replace(b"1160396", b"x"), machine_id="vm01")

    assert (first.json["machine_id"], first.json["rows_imported"], first.json["warnings"]) == ("vm01", 130, [])
    assert again.json["duplicate"]
    assert_refused(broken, 400, "INVALID_CSV_FORMAT")
    assert broken.json["details"] == {"line": 2, "column": "disk_read_bytes", "value": "x"}


def test_the_same_file_twice_is_stored_once_and_gets_its_first_answer(peer: Peer) -> None:
    first = peer.upload(csv_text(), machine_id="web-1")
    stored = peer.stored()

    again = peer.upload(csv_text(), machine_id="web-1")

    assert again.json == {**first.json, "duplicate": True}
    assert peer.stored() == stored


def test_the_same_file_for_another_machine_is_another_upload(peer: Peer) -> None:
    peer.upload(csv_text(), machine_id="web-1")

    reply = peer.upload(csv_text(), machine_id="web-2")

    assert (reply.json["duplicate"], reply.json["rows_imported"]) == (False, 3)
    assert len(reply.json["warnings"]) == 1


def test_rows_that_are_there_already_are_counted(peer: Peer) -> None:
    peer.upload(csv_text(rows=3), machine_id="web-1")

    reply = peer.upload(csv_text(rows=5), machine_id="web-1")

    assert (reply.json["rows_imported"], reply.json["rows_duplicate"]) == (2, 3)


def test_other_values_for_a_stored_time_are_a_conflict_and_store_nothing(peer: Peer) -> None:
    peer.upload(csv_text(rows=2), machine_id="web-1")
    stored = peer.stored()

    reply = peer.upload(csv_text(rows=3, user=99.0), machine_id="web-1")

    assert assert_refused(reply, 409, "CONFLICT")["count"] == 2
    assert peer.stored() == stored


def test_a_zipped_file_is_read_like_a_plain_one(peer: Peer) -> None:
    reply = peer.upload(gzip.compress(csv_text().encode()), machine_id="web-1")

    assert reply.json["rows_imported"] == 3


@pytest.mark.parametrize("tenant", ["team-b", "team-c", "TEAM-A", "../team-a"])
def test_another_tenants_id_is_refused_and_says_nothing_of_it(peer: Peer, tenant: str) -> None:
    reply = peer.upload(csv_text(), machine_id="web-1", tenant_id=tenant)

    assert_refused(reply, 403, "UNAUTHORIZED")
    assert reply.json["message"] == "Tenant mismatch"
    assert reply.json["details"] == {}
    assert peer.stored_nothing()


def test_an_empty_tenant_id_is_none(peer: Peer) -> None:
    assert peer.upload(csv_text(), machine_id="web-1", tenant_id="").status == 200


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (form(None, machine_id="web-1"), ["file"]),
        (form("x"), ["machine_id"]),
        (form("x", machine_id=""), ["machine_id"]),
        (form(None), ["file", "machine_id"]),
    ],
)
def test_what_a_form_lacks_is_named(peer: Peer, body: bytes, missing: list[str]) -> None:
    assert assert_refused(peer.send_form(body), 400, "MISSING_PARAMETERS") == {"missing": missing}
    assert peer.stored_nothing()


@pytest.mark.parametrize("machine", ["../x", "a" * 65, "a b", ".hidden", "-x", "a/b", "ü", "a\x00b", "a\nb", "%2e%2e"])
def test_a_bad_machine_id_is_refused(peer: Peer, machine: str) -> None:
    assert_refused(peer.upload(csv_text(), machine_id=machine), 400, "INVALID_MACHINE_ID")
    assert peer.stored_nothing()


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "NO_DATA"),
        (csv_text(rows=0), "NO_DATA"),
        ("hello\n", "INVALID_CSV_FORMAT"),
        (csv_text().replace("cpu_user", "cpu_usr"), "INVALID_CSV_FORMAT"),
        (csv_text().replace("25.5", "NaN"), "INVALID_CSV_FORMAT"),
        (csv_text().replace("25.5", "1e999"), "INVALID_CSV_FORMAT"),
        (csv_text().replace("10.2", "ten"), "INVALID_CSV_FORMAT"),
        (csv_text().encode("utf-16"), "INVALID_ENCODING"),
        (csv_text() + csv_text("web-2").partition("\n")[2], "MACHINE_MISMATCH"),
        (b'{"timestamp":1,"subsystem":"/proc/stat","measurement":"cpu"}\n', "BAD_REQUEST"),
        (b"\x1f\x8bnot gzip", "BAD_REQUEST"),
    ],
)
def test_a_bad_file_is_refused_whole(peer: Peer, file: str | bytes, code: str) -> None:
    reply = peer.upload(file, machine_id="web-1")

    assert_refused(reply, 400, code)
    assert "/proc/self" not in reply.json["message"]
    assert peer.stored_nothing()


def test_the_message_names_line_and_column(peer: Peer) -> None:
    reply = peer.upload(csv_text().replace("10.2", "ten", 1), machine_id="web-1")

    details = assert_refused(reply, 400, "INVALID_CSV_FORMAT")
    assert (details["line"], details["column"]) == (2, "cpu_system")


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        pytest.param(form("x", machine_id="m"), "", id="no boundary"),
        pytest.param(form("x", machine_id="m"), "; boundary=y", id="another boundary"),
        pytest.param(form("x", machine_id="m")[: -len(FINAL)], f"; boundary={BOUNDARY}", id="no final boundary"),
        pytest.param(form("x", machine_id="m")[:-60], f"; boundary={BOUNDARY}", id="cut"),
        pytest.param(part("file", "x") + form("x", machine_id="m"), f"; boundary={BOUNDARY}", id="two files"),
        pytest.param(part("machine_id", "a") + form("x", machine_id="m"), f"; boundary={BOUNDARY}", id="two ids"),
        pytest.param(
            b"".join(part(f"f{at}", "x") for at in range(7)) + form("x", machine_id="m"),
            f"; boundary={BOUNDARY}",
            id="nine parts",
        ),
        pytest.param(
            part("file", "x", "".join(f"\r\nX-{at}: y" for at in range(9))) + FINAL,
            f"; boundary={BOUNDARY}",
            id="ten headers of a part",
        ),
        pytest.param(
            part("file", "x", "\r\nX-Long: " + "y" * 5000) + FINAL, f"; boundary={BOUNDARY}", id="a header too long"
        ),
        pytest.param(part("file", "x", "\r\nContent-Length: abc") + FINAL, f"; boundary={BOUNDARY}", id="bad length"),
        pytest.param(b"", f"; boundary={BOUNDARY}", id="no body"),
        pytest.param(b"\r\n" * 1000, f"; boundary={BOUNDARY}", id="empty lines"),
    ],
)
def test_a_hostile_form_is_refused(peer: Peer, body: bytes, boundary: str) -> None:
    reply = peer.send_form(body, kind=f"multipart/form-data{boundary}")

    assert_refused(reply, 400, "MULTIPART_INVALID")
    assert peer.stored_nothing()


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded", "", "multipart/mixed; boundary=x"])
def test_what_is_no_form_is_refused(peer: Peer, kind: str) -> None:
    assert_refused(peer.send_form(csv_text().encode(), kind=kind), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert peer.stored_nothing()


def test_what_the_sender_calls_its_file_is_not_read(peer: Peer) -> None:
    body = part("file", csv_text(), '; filename="../../etc/passwd"') + part("machine_id", "web-1") + FINAL

    assert peer.send_form(body).status == 200


@pytest.mark.parametrize(
    ("limits", "file", "code"),
    [
        (Limits(file_bytes=1000, form_bytes=100), csv_text(rows=100), "PAYLOAD_TOO_LARGE"),
        (Limits(file_bytes=1000), csv_text(rows=100), "PAYLOAD_TOO_LARGE"),
        (Limits(file_bytes=10_000), gzip.compress(csv_text(rows=1000).encode()), "PAYLOAD_TOO_LARGE"),
        (Limits(unzip_ratio=2), gzip.compress(csv_text(rows=50_000).encode()), "PAYLOAD_TOO_LARGE"),
        (Limits(rows=99), csv_text(rows=100), "TOO_MANY_ROWS"),
    ],
    ids=["body", "file", "unzipped", "bomb", "rows"],
)
def test_what_is_over_a_limit_is_refused(
    start_receiver: StartReceiver, limits: Limits, file: str | bytes, code: str
) -> None:
    peer = start_receiver(limits)

    assert_refused(peer.upload(file, machine_id="web-1"), 413, code)
    assert peer.stored_nothing()


def test_a_field_that_is_too_long_is_refused(peer: Peer) -> None:
    assert_refused(peer.upload(csv_text(), machine_id="web-1", note="x" * 5000), 413, "PAYLOAD_TOO_LARGE")
    assert peer.stored_nothing()


def test_a_key_that_is_revoked_while_the_file_comes_stores_nothing(peer: Peer) -> None:
    body = form(csv_text(), machine_id="web-1")
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {peer.key}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(peer.address, timeout=20) as connection:
        connection.sendall(head.encode())
        let_in = connection.recv(1000)
        peer.registry.revoke_key(peer.key.split("_")[1])

        connection.sendall(body)
        answer = connection.recv(1000)

    assert let_in.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert peer.stored_nothing()

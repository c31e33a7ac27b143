"""TLS and unix sockets: the same receiver, by other ways."""

import http.client
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from receiver_peer import BOUNDARY, UPLOAD, Peer, StartReceiver, at_once, batch, csv_text, form

from appliance.errors import BadConfiguration, CannotCreate, InUse, NoInput, NoPermission, UsageError
from appliance.receive.limits import Limits
from appliance.receive.listening import listen
from appliance.receive.tls import Certificate
from appliance.ship.connection import Connection

GET = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Make = Callable[..., Certificate]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a certificate of localhost that is good for some days, in the same files each time."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")

    def certificate(days: int = 90) -> Certificate:
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                tmp_path / "tls.key", "-out", tmp_path / "tls.pem", "-days", str(days), "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        return Certificate(tmp_path / "tls.pem", tmp_path / "tls.key")

    return certificate


@pytest.fixture
def secure(make: Make, start_receiver: StartReceiver) -> Peer:
    return start_receiver(Limits(handshake_seconds=1), certificate=make())


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def dial(peer: Peer, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(peer.address, timeout=20), server_hostname="localhost")


def read(connection: socket.socket) -> bytes:
    received = b""
    while more := connection.recv(65536):
        received += more
    return received


def test_a_collector_and_an_upload_come_by_tls(secure: Peer, tmp_path: Path) -> None:
    port = secure.address[1]
    connection = Connection(f"https://localhost:{port}", tmp_path / "tls.pem")
    key = {"Authorization": f"Bearer {secure.key}"}

    posted = [connection.post("/v1/trickle", json.dumps(batch()).encode(), key).status for _ in range(3)]
    connection.close()
    uploading = http.client.HTTPSConnection("localhost", port, context=trusting(tmp_path / "tls.pem"), timeout=60)
    body = csv_text(rows=50_000).encode()
    uploading.request(
        "POST", UPLOAD, form(body, machine_id="web-1"),
        {**key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )  # fmt: skip
    uploaded = json.loads(uploading.getresponse().read())
    uploading.request("GET", "/api/v1/performance/export?machine_id=web-1", headers=key)
    exported = uploading.getresponse().read()
    uploading.close()

    assert posted == [200, 200, 200]
    assert uploaded["rows_imported"] == 50_000
    assert exported.count(b"\n") > 50_000


def test_curl_comes_by_tls(secure: Peer, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")

    done = subprocess.run(
        ["curl", "-sS", "--cacert", tmp_path / "tls.pem", f"https://localhost:{secure.address[1]}/health"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stderr == ""
    assert json.loads(done.stdout)["status"] == "healthy"


def test_links_say_https(secure: Peer, tmp_path: Path) -> None:
    connection = http.client.HTTPSConnection(*secure.address, context=trusting(tmp_path / "tls.pem"), timeout=20)
    key = {"Authorization": f"Bearer {secure.key}"}
    connection.request("POST", "/v1/trickle", json.dumps(batch()), key)
    connection.getresponse().read()

    connection.request("GET", "/api/v1/performance/data?machine_id=web-1", headers=key)

    assert json.loads(connection.getresponse().read())["data_url"].startswith("https://127.0.0.1:")
    connection.close()


def test_old_versions_of_tls_are_refused(secure: Peer, tmp_path: Path) -> None:
    context = trusting(tmp_path / "tls.pem")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        dial(secure, context)


def test_plain_http_to_tls_is_told_so_and_others_go_on(secure: Peer, tmp_path: Path) -> None:
    with socket.create_connection(secure.address, timeout=20) as plain:
        plain.sendall(GET)
        answer = read(plain)
    with dial(secure, trusting(tmp_path / "tls.pem")) as good:
        good.sendall(GET)
        said = read(good)

    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"https://" in answer
    assert said.startswith(b"HTTP/1.1 200 ")


def test_a_slow_handshake_stops_nobody_and_ends(secure: Peer, tmp_path: Path) -> None:
    with ExitStack() as opened:
        slow = [opened.enter_context(socket.create_connection(secure.address, timeout=20)) for _ in range(19)]
        for connection in slow[::2]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        with dial(secure, trusting(tmp_path / "tls.pem")) as good:
            good.sendall(GET)
            said = read(good)
        ended = [connection.recv(1) for connection in slow]

    assert said.startswith(b"HTTP/1.1 200 ")
    assert ended == [b""] * 19


def test_a_refusal_arrives_by_tls_too(secure: Peer, tmp_path: Path) -> None:
    with dial(secure, trusting(tmp_path / "tls.pem")) as connection:
        connection.sendall(b"POST /v1/trickle HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(10):
            connection.sendall(b"x" * 100_000)
        said = read(connection)

    assert said.startswith(b"HTTP/1.1 401 ")


def test_many_at_once_are_answered_by_tls(secure: Peer, tmp_path: Path) -> None:
    context = trusting(tmp_path / "tls.pem")
    statuses: list[int] = []

    def ask(number: int) -> None:
        connection = http.client.HTTPSConnection(*secure.address, context=context, timeout=60)
        for at in range(5):
            body = json.dumps(batch(identifier=f"web-{number}-{at}"))
            connection.request("POST", "/v1/trickle", body, {"Authorization": f"Bearer {secure.key}"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    at_once(ask, 12)

    assert statuses == [200] * 60


def test_a_new_certificate_is_taken_on_and_a_bad_one_is_not(secure: Peer, make: Make, tmp_path: Path) -> None:
    old = trusting(tmp_path / "tls.pem")
    make()
    assert secure.server is not None

    reload_and_wait(secure)
    with dial(secure, trusting(tmp_path / "tls.pem")) as connection:
        connection.sendall(GET)
        assert read(connection).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(secure, old)
    good = trusting(tmp_path / "tls.pem")
    (tmp_path / "tls.pem").write_text("nonsense")
    reload_and_wait(secure)

    with dial(secure, good) as connection:
        connection.sendall(GET)
        assert read(connection).startswith(b"HTTP/1.1 200 ")


def reload_and_wait(peer: Peer) -> None:
    assert peer.server is not None
    peer.server.reload()
    deadline = time.monotonic() + 20
    while peer.server.reloading and time.monotonic() < deadline:
        time.sleep(0.01)
    # The loop takes the wish down first and grants it then.
    time.sleep(0.05)


@pytest.mark.parametrize(("days", "status"), [(90, "healthy"), (5, "degraded")])
def test_a_certificate_that_ends_soon_is_no_good_health(
    make: Make, start_receiver: StartReceiver, tmp_path: Path, days: int, status: str
) -> None:
    peer = start_receiver(certificate=make(days))
    connection = http.client.HTTPSConnection(*peer.address, context=trusting(tmp_path / "tls.pem"), timeout=20)

    connection.request("GET", "/health")
    health = json.loads(connection.getresponse().read())
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    connection.close()

    assert (health["status"], health["database"]) == (status, "healthy")
    expires = float(metrics.partition("\npcd_certificate_expiry_timestamp_seconds ")[2].partition("\n")[0])
    assert abs(expires - time.time() - days * 24 * 3600) < 3600


@pytest.mark.parametrize(
    ("which", "content"), [("tls.pem", "x"), ("tls.key", "x"), ("tls.key", None), ("tls.pem", None)]
)
def test_files_that_are_no_certificate_and_key_are_one_sentence(
    make: Make, tmp_path: Path, which: str, content: str | None
) -> None:
    make()
    if content is None:
        (tmp_path / which).unlink()
    else:
        (tmp_path / which).write_text(content)

    with pytest.raises(NoInput if content is None else BadConfiguration, match=which):
        Certificate(tmp_path / "tls.pem", tmp_path / "tls.key")


def test_a_key_that_everyone_can_read_is_warned_of(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make()
    assert caplog.text == ""
    (tmp_path / "tls.key").chmod(0o644)

    Certificate(tmp_path / "tls.pem", tmp_path / "tls.key")

    assert f"chmod o= {tmp_path / 'tls.key'}" in caplog.text


@pytest.fixture
def path() -> Iterator[Path]:
    """A place for a socket: the names of sockets are short."""
    folder = Path(f"/tmp/perfanalysis-test-{os.getpid()}")
    folder.mkdir(mode=0o700)
    yield folder / "receiver.sock"
    shutil.rmtree(folder)


def test_a_collector_and_curl_come_by_a_unix_socket(start_receiver: StartReceiver, path: Path) -> None:
    peer = start_receiver(listen=f"unix:{path}")
    connection = Connection(f"unix:{path}")

    posted = connection.post("/v1/trickle", json.dumps(batch()).encode(), {"apikey": peer.key}).status
    connection.close()
    asked = "skipped"
    if shutil.which("curl") is not None:
        asked = subprocess.run(
            ["curl", "-sS", "--unix-socket", path, "http://localhost/health"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert posted == 200
    assert asked == "skipped" or json.loads(asked)["measurements_received"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_unix_socket_has_no_strangers(start_receiver: StartReceiver, path: Path) -> None:
    start_receiver(Limits(stranger_connections=2), listen=f"unix:{path}")

    with ExitStack() as opened:
        connections = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(10)]
        for connection in connections:
            connection.connect(str(path))
            connection.sendall(GET)
        answers = [read(connection) for connection in connections]

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


def test_the_socket_of_a_receiver_that_was_killed_is_replaced_and_one_in_use_is_not(path: Path) -> None:
    listen(f"unix:{path}", 0).close()

    with listen(f"unix:{path}", 0), pytest.raises(InUse, match=f"^{path} is in use by another program"):
        listen(f"unix:{path}", 0)


def test_a_receiver_takes_its_socket_away(start_receiver: StartReceiver, path: Path) -> None:
    peer = start_receiver(listen=f"unix:{path}")
    assert peer.server is not None
    assert path.exists()

    peer.server.stop()
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not path.exists()


def test_a_place_where_no_socket_can_be_is_one_sentence(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there and is no socket"):
        listen(f"unix:{path}", 0)
    assert path.read_text() == "mine"

    with pytest.raises(UsageError, match="is too long for a socket"):
        listen(f"unix:{path}{'x' * 100}", 0)
    with pytest.raises((CannotCreate, NoPermission), match="cannot be made"):
        listen(f"unix:{path.parent}/nowhere/x.sock", 0)

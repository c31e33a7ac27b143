"""The sample configurations of nginx and Caddy, before a real receiver; only ports and paths are others."""

import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from receiver_peer import BOUNDARY, TRICKLE, UPLOAD, Peer, StartReceiver, batch, csv_text, form

from appliance.receive.access_log import AccessLog
from appliance.ship.connection import Connection

PACKAGING = Path(__file__).parents[2] / "packaging"
HOST = "perf.example.com"


@dataclass
class Proxied:
    peer: Peer
    url: str
    certificate: Path
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        port = int(self.url.rpartition(":")[2])
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, context=ssl.create_default_context(cafile=self.certificate), timeout=60
        )
        try:
            connection.request(
                method, path, body, {"Host": HOST, "Authorization": f"Bearer {self.peer.key}", **headers}
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name, as sockets want it."""
    path = Path(f"/tmp/perfanalysis-proxy-{os.getpid()}")
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def proxied(start_receiver: StartReceiver, folder: Path) -> Iterator[Proxied]:
    """Nginx as the sample has it, with a certificate of its own."""
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("needs nginx and openssl")
    log = folder / "access.log"
    peer = start_receiver(listen=f"unix:{folder}/receiver.sock", proxies=["unix"], access_log=AccessLog(log))
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", folder / "tls.key", "-out", folder / "tls.pem", "-subj", f"/CN={HOST}",
            "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = (PACKAGING / "nginx.conf").read_text()
    for ours, theirs in (
        ("/run/perfanalysis/receiver.sock", f"{folder}/receiver.sock"),
        ("/etc/ssl/perf.example.com", f"{folder}/tls"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
    ):
        assert ours in site
        site = site.replace(ours, theirs)
    site = re.sub(r" *listen \[::\].*\n", "", site)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;\n"
        f"events {{}}\nhttp {{ access_log {folder}/nginx.log; client_body_temp_path {folder}/bodies;\n{site}\n}}\n"
    )
    nginx = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "error.log"])
    try:
        wait_for(port, nginx)
        yield Proxied(peer, f"https://127.0.0.1:{port}", folder / "tls.pem", log)
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx does not listen")


def test_a_collector_comes_through_nginx_and_its_address_is_known(proxied: Proxied) -> None:
    connection = Connection(proxied.url, proxied.certificate)
    body = gzip.compress(json.dumps(batch()).encode())

    answers = [
        connection.post(
            TRICKLE, body,
            {"apikey": proxied.peer.key, "Content-Encoding": "gzip", "X-Forwarded-For": "203.0.113.9"},
        )
        for _ in range(3)
    ]  # fmt: skip
    connection.close()

    assert [answer.status for answer in answers] == [200] * 3
    entry = json.loads(proxied.log.read_text().splitlines()[0])
    assert (entry["address"], entry["status"], entry["received"]) == ("127.0.0.1", 200, len(body))


def test_the_longest_upload_comes_through_nginx(proxied: Proxied) -> None:
    # As long as a file may be, in few rows: what is long is a column that nobody knows.
    header, *rows = csv_text(rows=24_000).splitlines()
    content = f"{header},more\n" + "".join(f"{row},{'9' * 4000}\n" for row in rows)
    body = form(content, machine_id="web-1")
    kind = f"multipart/form-data; boundary={BOUNDARY}"

    status, said = proxied.ask("POST", UPLOAD, body, **{"Content-Type": kind})

    assert len(body) > 95_000_000
    assert status == 200, said
    assert json.loads(said)["rows_imported"] == 24_000


def test_a_bad_key_is_refused_through_nginx_while_the_body_is_sent(proxied: Proxied) -> None:
    status, said = proxied.ask("POST", UPLOAD, b"x" * 5_000_000, Authorization="Bearer x")

    assert (status, json.loads(said)["error_code"]) == (401, "INVALID_API_KEY")


def test_links_lead_through_nginx(proxied: Proxied) -> None:
    proxied.ask("POST", TRICKLE, json.dumps(batch()).encode())

    status, said = proxied.ask("GET", "/api/v1/performance/data?machine_id=web-1")

    assert status == 200
    assert json.loads(said)["data_url"].startswith(f"https://{HOST}/api/v1/performance/export?")


def test_what_nginx_answers_itself_has_the_shape_of_all_errors(proxied: Proxied, folder: Path) -> None:
    too_large = proxied.ask("POST", UPLOAD, b"x", **{"Content-Length": "200000000"})
    metrics = proxied.ask("GET", "/metrics")
    long_head = proxied.ask("GET", "/health", X="x" * 40_000)
    no_method = proxied.ask("B@D", "/health")
    hidden = proxied.ask("GET", "/nginx-says/too-slow")
    not_taken = proxied.ask("TRACE", "/health")
    (folder / "receiver.sock").rename(folder / "gone.sock")
    away = proxied.ask("GET", "/health")
    (folder / "gone.sock").rename(folder / "receiver.sock")

    for (status, said), expected, code in (
        (too_large, 413, "PAYLOAD_TOO_LARGE"),
        (metrics, 403, "FORBIDDEN"),
        (long_head, 431, "HEADERS_TOO_LARGE"),
        (no_method, 400, "BAD_REQUEST"),
        (hidden, 404, "NOT_FOUND"),
        (not_taken, 405, "METHOD_NOT_ALLOWED"),
        (away, 503, "OVERLOADED"),
    ):
        assert (status, json.loads(said)["error_code"]) == (expected, code)
        assert set(json.loads(said)) == {"status", "error_code", "message", "details"}


def test_the_sample_for_caddy_is_one_that_caddy_takes(tmp_path: Path) -> None:
    if shutil.which("caddy") is None:
        pytest.skip("needs caddy")

    done = subprocess.run(
        ["caddy", "adapt", "--config", PACKAGING / "Caddyfile", "--adapter", "caddyfile", "--validate"],
        env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    adapted = json.dumps(json.loads(done.stdout))
    assert "unix//run/perfanalysis/receiver.sock" in adapted

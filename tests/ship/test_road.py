"""The sender on its spool, with keys and certificates: what a person has to mend loses nothing meanwhile."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from answering_receiver import Answer, Receiver, Request, answer, sample, stored

from appliance.errors import BadConfiguration, InvalidKey, NoInput, PerfanalysisError
from appliance.formats import recording
from appliance.ship import keys
from appliance.ship.batch import Batch
from appliance.ship.breaker import State
from appliance.ship.connection import is_plain
from appliance.ship.letters import Letters
from appliance.ship.queue import Queue
from appliance.ship.sender import Pace, Sender, pack
from appliance.ship.spool import Spool

PACE = Pace(3, 0.05, first_seconds=0.01, longest_seconds=0.02, pause_seconds=0.05, open_seconds=0.2)


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def send(url: str, folder: Path, samples: int = 3, key: Callable[[], str] = lambda: "key", seconds: float = 5,
         ca_file: Path | None = None) -> Sender:  # fmt: skip
    """Put samples, let the sender finish, and return it when it has ended and its spool is closed."""
    spool = Spool(folder, "web-1")
    sender = Sender(url, key, spool, PACE, ca_file=ca_file, letters=Letters(folder))
    for at in range(samples):
        sender.put(7, sample(at))
    sender.start()
    time.sleep(0.01)
    sender.finish(seconds)
    sender.join(seconds + 5)
    assert not sender.is_alive()
    spool.close()
    return sender


def test_what_one_process_could_not_send_the_next_one_sends(receiver: Callable[..., Receiver], tmp_path: Path) -> None:
    first = send(receiver(answer(503)).url, tmp_path, seconds=0.2)
    server = receiver(stored)

    second = send(server.url, tmp_path, samples=0)

    assert (first.sent, first.unsent, second.sent, second.unsent) == (0, 3, 3, 0)
    assert [request.times for request in server.requests] == [[0, 1, 2]]
    assert not list(tmp_path.glob("*.jsonl"))


def test_what_is_refused_is_kept_as_a_recording(receiver: Callable[..., Receiver], tmp_path: Path) -> None:
    at = 1_767_977_160
    spool = Spool(tmp_path, "web-1")
    sender = Sender(receiver(answer(400, b'{"message":"No."}')).url, lambda: "key", spool, letters=Letters(tmp_path))
    for second in range(3):
        text = f'{{"timestamp":{at + second},"subsystem":"/proc/loadavg","measurement":"0.1 0.2 0.3 1/2 3\\n"}}\n'
        sender.put(7, text.encode())

    sender.start()
    sender.finish(5)
    sender.join(5)
    spool.close()

    assert (sender.refused, sender.letters.kept, sender.unsent) == (3, 3, 0)
    dead = tmp_path / "dead" / "web-1.json"
    assert dead.stat().st_mode & 0o777 == 0o600
    refused = json.loads(dead.read_text().splitlines()[0])
    assert refused["subsystem"] == "perfanalysis[refused]"
    assert json.loads(refused["measurement"])["reason"].endswith("it answers 400: No")
    assert recording.read(dead, "web-1").count == 3


def test_dead_letters_are_bounded_and_what_is_lost_is_said(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "web-1")
    letters = Letters(tmp_path, max_bytes=1000)
    sender = Sender(receiver(answer(422)).url, lambda: "key", spool, PACE, letters=letters)
    for at in range(12):
        sender.put(7, sample(at))

    sender.start()
    sender.finish(5)
    sender.join(5)
    spool.close()

    assert letters.kept + letters.lost == 12
    assert letters.lost > 0
    assert (tmp_path / "dead" / "web-1.json").stat().st_size <= 1000
    assert "samples are refused and lost" in caplog.text


def test_a_receiver_that_fails_is_left_alone_and_then_asked_with_one_batch(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = receiver(*[answer(500)] * 5, stored)
    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, lambda: "key", spool, PACE)
    sender.start()
    for at in range(9):
        sender.put(7, sample(at))

    until(lambda: sender.breaker.state is State.OPEN)
    opened = time.monotonic()
    assert sender.state()["breaker"] == 2
    until(lambda: sender.sent == 9)

    assert time.monotonic() - opened >= PACE.open_seconds - 0.05
    assert (sender.state()["breaker"], sender.state()["breaker_opened"]) == (0, 1)
    assert [request.times for request in server.requests] == [[0, 1, 2]] * 6 + [[3, 4, 5], [6, 7, 8]]
    sender.finish(1)
    sender.join(2)
    spool.close()
    assert [message.partition(": ")[0] if "Samples" in message else message for message in caplog.messages] == [
        "Samples wait to be sent",
        f"{server.url} failed 5 times in a row: it is asked every 0 s from now on (circuit breaker open).",
        f"{server.url} answers again (circuit breaker closed).",
        f"{server.url} takes samples again.",
    ]


def test_a_key_that_cannot_be_read_is_read_again(receiver: Callable[..., Receiver], tmp_path: Path) -> None:
    server = receiver(stored)
    asked: list[int] = []

    def key() -> str:
        asked.append(1)
        if len(asked) < 3:
            raise NoInput("the key file k cannot be read: No such file or directory.")
        return "key"

    spool = Spool(tmp_path, "web-1")
    sender = Sender(server.url, key, spool, PACE)
    sender.start()
    sender.put(7, sample(1))

    until(lambda: sender.sent == 1)

    assert len(asked) == 3
    sender.finish(1)
    sender.join(2)
    spool.close()


def test_at_the_end_the_key_that_cannot_be_read_is_the_reason(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def key() -> str:
        raise NoInput("the key file k cannot be read: No such file or directory.")

    sender = send(receiver(stored).url, tmp_path, key=key)

    assert sender.unsent == 3
    assert isinstance(sender.failure, NoInput)
    assert caplog.messages == ["Samples wait to be sent: the key file k cannot be read: No such file or directory."]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(200, b"<html>Please sign in</html>"), BadConfiguration),
        (answer(302, Location="http://127.0.0.1:1/login"), BadConfiguration),
        (answer(401, b'{"message":"The key is not valid."}'), InvalidKey),
    ],
    ids=["captive portal", "redirect", "key"],
)
def test_the_reason_at_the_end_is_of_the_right_kind(
    receiver: Callable[..., Receiver],
    tmp_path: Path,
    said: Callable[[Request], Answer],
    kind: type[PerfanalysisError],
) -> None:
    sender = send(receiver(said).url, tmp_path, seconds=0.3)

    assert sender.unsent == 3
    assert isinstance(sender.failure, kind)
    assert ".." not in sender.trouble + "."


def test_an_unknown_host_is_a_reason_to_wait(tmp_path: Path) -> None:
    sender = send("http://receiver.invalid:8080", tmp_path, seconds=0.3)

    assert sender.unsent == 3
    assert sender.failure is not None
    assert sender.failure.exit_code == 69
    assert "receiver.invalid:8080: it cannot be reached: " in sender.trouble


class Certificates(NamedTuple):
    authority: Path
    server: ssl.SSLContext
    """For 127.0.0.1, of that authority."""
    stranger: ssl.SSLContext
    """For another host, of the same authority."""
    expired: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own, and certificates of it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ours")

    def certificate(name: str, host: str, days: int) -> ssl.SSLContext:
        (folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext")  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        return context

    return Certificates(
        folder / "ca.pem", certificate("here", "IP:127.0.0.1", 2), certificate("there", "DNS:there.example", 2),
        certificate("past", "IP:127.0.0.1", -1),
    )  # fmt: skip


def test_a_receiver_with_tls_is_verified_by_the_authority_of_a_file(
    receiver: Callable[..., Receiver], tmp_path: Path, certificates: Certificates
) -> None:
    server = receiver(stored, tls=certificates.server)

    sender = send(server.url, tmp_path, ca_file=certificates.authority)

    assert server.url.startswith("https://")
    assert (sender.sent, sender.unsent) == (3, 0)


@pytest.mark.parametrize(
    ("which", "ca_file", "said"),
    [
        ("server", False, "unable to get local issuer certificate"),
        ("stranger", True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("expired", True, "certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_verify_gets_no_key(
    receiver: Callable[..., Receiver], tmp_path: Path, certificates: Certificates, which: str, ca_file: bool, said: str
) -> None:
    server = receiver(stored, tls=getattr(certificates, which))

    sender = send(server.url, tmp_path, ca_file=certificates.authority if ca_file else None)

    assert server.requests == []
    assert sender.unsent == 3
    assert isinstance(sender.failure, BadConfiguration)
    assert sender.failure.message.startswith(f"the certificate of {server.url} is not trusted: {said}")


@pytest.mark.parametrize(("content", "kind"), [(None, NoInput), ("a note\n", BadConfiguration)])
def test_an_authority_that_cannot_be_read_is_the_reason(
    receiver: Callable[..., Receiver],
    tmp_path: Path,
    certificates: Certificates,
    content: str | None,
    kind: type[PerfanalysisError],
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    sender = send(receiver(stored, tls=certificates.server).url, tmp_path / "spool", ca_file=path)

    assert sender.unsent == 3
    assert isinstance(sender.failure, kind)
    assert str(path) in sender.trouble


def test_a_redirect_to_another_place_is_not_followed_with_the_key(
    receiver: Callable[..., Receiver], tmp_path: Path, certificates: Certificates
) -> None:
    elsewhere = receiver(stored)
    server = receiver(answer(307, Location=elsewhere.url + "/v1/trickle"), tls=certificates.server)

    sender = send(server.url, tmp_path, seconds=0.3, ca_file=certificates.authority)

    assert elsewhere.requests == []
    assert sender.unsent == 3


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://192.0.2.1:8080", True), ("http://perf.example.com", True), ("https://perf.example.com", False),
        ("http://127.0.0.1:8080", False), ("http://localhost", False), ("http://[::1]:8080", False),
        ("http://127.example.com", True),
    ],
)  # fmt: skip
def test_what_can_be_read_on_the_way_is_known(url: str, plain: bool) -> None:
    assert is_plain(url) == plain


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server whose answers come a byte at a time, each soon enough, and have no end."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            while not over.wait(0.02):
                client.sendall(b" ")

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def test_an_answer_that_has_no_end_is_ended(dripping: str) -> None:
    sender = Sender(dripping, lambda: "key", Queue("web-1"), PACE._replace(request_seconds=0.3))
    sender.start()

    deadline = time.monotonic() + 10
    while sender.failed < 2 and time.monotonic() < deadline:
        sender.put(7, sample(len(sender.waiting)))
        time.sleep(0.02)

    assert sender.failed >= 2
    assert sender.trouble == f"{dripping}: its answer had no end within 0.3 s"
    sender.finish(0)
    sender.end_endless()
    sender.join(5)


def test_the_key_that_is_not_accepted_is_named_by_its_id(
    receiver: Callable[..., Receiver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = f"pa1_94d6e241babf_{'2c' * 32}_8eae167d"

    sender = send(receiver(answer(401, b'{"message":"The API key is missing or not valid."}')).url, tmp_path, 1,
                  lambda: key)  # fmt: skip

    assert sender.trouble.endswith("it answers 401: The API key is missing or not valid (key 94d6e241babf)")
    assert "2c2c" not in caplog.text


@pytest.mark.parametrize("key", ["secret", "pa1_secret", "pa1_a_b", "pa2_a_b_c", f"pa1_{'a' * 17}_b_c", ""])
def test_what_is_no_key_of_ours_has_no_id(key: str) -> None:
    assert keys.id_of(key) == ""


def test_failures_of_every_kind_leave_no_file_open(
    receiver: Callable[..., Receiver], certificates: Certificates, dripping: str
) -> None:
    def half(_: Request) -> Answer:
        return 200, {"Content-Length": "50"}, b"{"

    tls = receiver(stored, tls=certificates.server).url
    urls = [
        "http://127.0.0.1:9", "http://[::1]:9", "http://no-such-host.invalid", receiver(lambda _: None).url,
        receiver(half).url, tls, tls.replace("https:", "http:"),
        receiver(answer(401)).url, receiver(answer(503)).url, dripping,
    ]  # fmt: skip
    senders = [Sender(url, lambda: "key", Queue("web-1"), PACE._replace(request_seconds=0.1)) for url in urls]
    packed = pack(Batch("web-1", 7, [sample(1)], 1))

    def send_once(sender: Sender) -> None:
        ending = threading.Timer(0.2, sender.connection.abort)
        ending.start()
        assert sender.send(packed).failure is not None
        ending.cancel()
        ending.join()
        sender.connection.close()

    for sender in senders:
        send_once(sender)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(8):
        for sender in senders:
            send_once(sender)

    # Servers close their own ends a moment later.
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before + 2)


def test_no_proxy_and_no_netrc_is_asked(
    receiver: Callable[..., Receiver], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login nobody password canary\n")
    server = receiver(stored)

    sender = send(server.url, tmp_path / "spool", 2)

    assert sender.sent == 2
    assert "canary" not in str(server.requests[0].headers)

"""The sender, against a small receiver that answers as it is told: what is acknowledged, retried, halved, dropped."""

import json
import logging
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from answering_receiver import Answer, Receiver, Request, answer, sample, stored
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import UsageError
from appliance.ship import trickle
from appliance.ship.connection import Connection
from appliance.ship.queue import Queue
from appliance.ship.sender import FITTING, Pace, Sender
from appliance.ship.trickle import Verdict

KEY = "pa1_secret"
PACE = Pace(3, 0.05, first_seconds=0.02, longest_seconds=0.1, pause_seconds=0.2, open_seconds=0.1)


def send(url: str, samples: int, *, seconds: float = 5, pace: Pace = PACE, queue: Queue | None = None) -> Sender:
    """Put samples, let the sender finish, and return it when it has ended."""
    sender = Sender(url, lambda: KEY, Queue("web-1") if queue is None else queue, pace)
    for at in range(samples):
        sender.put(7, sample(at))
    sender.start()
    time.sleep(0.01)
    sender.finish(seconds)
    sender.join(seconds + 2)
    assert not sender.is_alive()
    return sender


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_a_batch_is_what_the_protocol_says(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)

    sender = send(server.url + "/base/", 2)

    (request,) = server.requests
    assert request.path == "/base/v1/trickle"
    assert request.headers["apikey"] == KEY
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Encoding"] == "gzip"
    body = json.loads(request.body)
    assert list(body) == ["identifier", "measurements"]
    assert (body["identifier"], request.headers["Perfanalysis-Run"], len(body["measurements"])) == ("web-1", "7", 4)
    assert body["measurements"][0] == {"timestamp": 0, "subsystem": "/proc/stat", "measurement": "cpu  1 2\n"}
    assert (sender.sent, sender.unsent) == (2, 0)


def test_batches_are_full_in_order_and_on_one_connection(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)

    sender = send(server.url, 8)

    assert [request.times for request in server.requests] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert len({request.connection for request in server.requests}) == 1
    assert sender.sent == 8


def test_a_sample_does_not_wait_long_for_others(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    sender.start()

    sender.put(7, sample(1))
    until(lambda: sender.sent == 1, 1)

    sender.finish(1)
    sender.join(2)
    assert len(server.requests) == 1


def test_a_batch_is_of_one_run(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    for run, at in ((1, 10), (1, 11), (2, 10)):
        sender.put(run, sample(at))

    sender.start()
    sender.finish(5)
    sender.join(5)

    assert [(request.headers["Perfanalysis-Run"], request.times) for request in server.requests] == [
        ("1", [10, 11]),
        ("2", [10]),
    ]


def test_an_original_receiver_acknowledges_without_a_digest(receiver: Callable[..., Receiver]) -> None:
    assert send(receiver(answer(200, b'{"error":null}')).url, 2).unsent == 0


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(answer(500, b'{"error_code":"PROCESSING_ERROR","message":"no"}'), id="500"),
        pytest.param(answer(503), id="503"),
        pytest.param(answer(408), id="408"),
        pytest.param(answer(429, Retry_After="0"), id="429"),
        pytest.param(answer(302, Location="http://127.0.0.1:1/login"), id="redirect"),
        pytest.param(answer(200, b"<html>Please sign in</html>", Content_Type="text/html"), id="captive portal"),
        pytest.param(answer(200, b"{}"), id="no word of an error"),
        pytest.param(answer(200, b'{"error":"disk full"}'), id="an error with 200"),
        pytest.param(answer(200, b'{"error":null,"batch":"00"}'), id="another batch"),
        pytest.param(answer(204), id="204"),
        pytest.param(lambda _: None, id="answer lost"),
    ],
)
def test_what_is_no_acknowledgement_is_sent_again_byte_for_byte(
    receiver: Callable[..., Receiver], first: Callable[[Request], Answer]
) -> None:
    server = receiver(first, stored)

    sender = send(server.url, 2)

    assert (sender.sent, sender.unsent, sender.refused) == (2, 0, 0)
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body


def test_a_receiver_that_asks_for_time_gets_it(receiver: Callable[..., Receiver]) -> None:
    server = receiver(answer(429, Retry_After="1"), stored)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    sender.start()
    sender.put(7, sample(1))
    until(lambda: len(server.requests) == 1)
    refused = time.monotonic()

    until(lambda: sender.sent == 1)

    assert time.monotonic() - refused >= 0.95
    sender.finish(1)
    sender.join(2)


def test_a_batch_that_is_too_large_is_halved_until_it_fits(receiver: Callable[..., Receiver]) -> None:
    def at_most_two(request: Request) -> Answer:
        return stored(request) if len(request.times) <= 2 else (413, {}, b'{"error_code":"PAYLOAD_TOO_LARGE"}')

    server = receiver(at_most_two)

    sender = send(server.url, 8, pace=Pace(8, 0.05, 0.02, 0.1, 0.2))

    assert (sender.sent, sender.refused) == (8, 0)
    assert [request.times for request in server.requests] == [
        list(range(8)), [0, 1, 2, 3], [0, 1], [2, 3], [4, 5], [6, 7],
    ]  # fmt: skip


def test_larger_batches_are_tried_again_after_some_that_fit(receiver: Callable[..., Receiver]) -> None:
    server = receiver(answer(413, b'{"error_code":"PAYLOAD_TOO_LARGE"}'), stored)

    sender = send(server.url, 28, pace=Pace(4, 0.05, 0.02, 0.1, 0.2))

    assert sender.sent == 28
    assert [len(request.times) for request in server.requests] == [4, *[2] * FITTING, 4, 4, 4]


def test_one_sample_that_is_too_large_is_dropped_and_the_next_is_sent(
    receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    def not_the_first(request: Request) -> Answer:
        return (413, {}, b"") if 0 in request.times else stored(request)

    sender = send(receiver(not_the_first).url, 3)

    assert (sender.sent, sender.refused, sender.unsent) == (2, 1, 0)
    assert "1 samples are refused and lost (there is no spool to keep them in): " in caplog.text


@pytest.mark.parametrize("status", [400, 404, 409, 415, 422])
def test_what_will_never_be_taken_is_dropped_counted_and_told(
    receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server = receiver(answer(status, b'{"error_code":"X","message":"Measurement 3 is not valid."}'), stored)

    sender = send(server.url, 4)

    assert (sender.sent, sender.refused, sender.unsent) == (1, 3, 0)
    assert f": it answers {status}: Measurement 3 is not valid.\n" in caplog.text


PAGE = b"<html><h1>Not Found</h1></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, PAGE), (404, b"404 page not found"), (405, b""), (400, b"\r\n" + PAGE), (421, b'{"message":"Use https."}')],
)
def test_an_answer_of_another_server_puts_no_sample_aside(
    receiver: Callable[..., Receiver], status: int, body: bytes
) -> None:
    sender = send(receiver(answer(status, body), stored).url, 4)

    assert (sender.sent, sender.refused, sender.unsent) == (4, 0, 0)


def test_plain_words_of_a_receiver_that_is_not_ours_refuse_a_batch(receiver: Callable[..., Receiver]) -> None:
    sender = send(receiver(answer(400, b"invalid measurement"), stored).url, 4)

    assert (sender.sent, sender.refused, sender.unsent) == (1, 3, 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_loses_nothing(receiver: Callable[..., Receiver], status: int) -> None:
    server = receiver(answer(status), stored)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    started = time.monotonic()
    sender.start()
    for at in range(3):
        sender.put(7, sample(at))

    until(lambda: sender.sent == 3)

    assert time.monotonic() - started >= PACE.pause_seconds
    assert server.requests[0].body == server.requests[1].body
    sender.finish(1)
    sender.join(2)


def test_at_the_end_a_key_that_is_not_accepted_is_not_waited_for(receiver: Callable[..., Receiver]) -> None:
    started = time.monotonic()

    sender = send(receiver(answer(401)).url, 3, seconds=10, pace=Pace(3, 0.05, pause_seconds=300))

    assert time.monotonic() - started < 2
    assert (sender.unsent, sender.trouble) == (3, f"{sender.url}: it answers 401")
    assert sender.failure is not None
    assert sender.failure.exit_code == 77


def test_a_receiver_that_is_down_and_comes_back_gets_everything(
    receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sender = Sender(f"http://127.0.0.1:{port}", lambda: KEY, Queue("web-1"), PACE)
    sender.start()
    for at in range(7):
        sender.put(7, sample(at))
    until(lambda: sender.breaker.opened)

    server = receiver(stored, port=port)
    until(lambda: sender.sent == 7)

    sender.finish(1)
    sender.join(2)
    assert sorted(at for request in server.requests for at in request.times) == list(range(7))
    assert caplog.messages == [
        f"Samples wait to be sent: {server.url}: it cannot be reached: Connection refused.",
        f"{server.url} failed 5 times in a row: it is asked every 0 s from now on (circuit breaker open).",
        f"{server.url} answers again (circuit breaker closed).",
        f"{server.url} takes samples again.",
    ]


def test_each_state_of_the_circuit_breaker_is_in_the_log_that_is_asked_for(
    receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "appliance.ship.sender")
    server = receiver(*[answer(500)] * 6, stored)

    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    sender.start()

    sender.put(7, sample(0))
    until(lambda: sender.sent == 1)

    sender.finish(1)
    sender.join(2)
    half_open = f"{server.url} is asked again, with one batch (circuit breaker half-open)."
    assert [message for message in caplog.messages if "circuit breaker" in message] == [
        f"{server.url} failed 5 times in a row: it is asked every 0 s from now on (circuit breaker open).",
        half_open,
        f"{server.url} failed again (circuit breaker open).",
        half_open,
        f"{server.url} answers again (circuit breaker closed).",
    ]


def test_a_connection_that_the_receiver_closed_meanwhile_is_no_failure(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)
    connection = Connection(server.url)
    headers = {"Content-Encoding": "gzip", "Perfanalysis-Run": "7"}
    body = zlib.compress(b"".join(trickle.body("web-1", [sample(1)])), wbits=31)
    connection.post("/v1/trickle", body, headers)
    port = server.server.server_address[1]
    assert connection.socket is not None
    connection.socket.shutdown(socket.SHUT_RDWR)

    answered = connection.post("/v1/trickle", body, headers)

    connection.close()
    assert answered.status == 200
    assert len(server.requests) == 2
    assert port == server.server.server_address[1]


def test_a_slow_receiver_does_not_delay_who_puts(receiver: Callable[..., Receiver]) -> None:
    def slowly(request: Request) -> Answer:
        time.sleep(0.3)
        return stored(request)

    server = receiver(slowly)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), PACE)
    sender.start()
    longest = 0.0
    for at in range(100):
        started = time.perf_counter()
        sender.put(7, sample(at))
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.002)

    sender.finish(0.1)
    sender.join(2)

    assert longest < 0.1
    assert sender.unsent > 50


def test_at_the_end_it_gives_up_in_time_and_says_what_is_left(receiver: Callable[..., Receiver]) -> None:
    started = time.monotonic()

    sender = send(receiver(answer(503, Retry_After="60")).url, 5, seconds=0.3)

    assert time.monotonic() - started < 1.5
    assert (sender.sent, sender.unsent) == (0, 5)


def test_nothing_waits_is_done_at_once() -> None:
    assert send("http://127.0.0.1:1", 0).unsent == 0


def test_a_full_queue_drops_the_oldest_and_counts_them(receiver: Callable[..., Receiver]) -> None:
    queue = Queue("web-1", max_bytes=4 * len(sample(1)))
    server = receiver(stored)

    sender = send(server.url, 9, queue=queue)

    assert (queue.dropped, sender.sent) == (5, 4)
    assert [request.times for request in server.requests] == [[5, 6, 7], [8]]


def test_what_is_dropped_while_it_is_sent_removes_nothing_else() -> None:
    queue = Queue("web-1", max_bytes=4 * len(sample(1)))
    for at in range(4):
        queue.put(1, sample(at))
    batch = queue.batch(3)
    assert batch is not None
    for at in range(4, 6):
        queue.put(1, sample(at))

    queue.remove(batch.last)

    rest = queue.batch(10)
    assert rest is not None
    assert rest.samples == [sample(at) for at in (3, 4, 5)]
    assert queue.bytes == 3 * len(sample(1))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 400)), min_size=1), st.integers(1, 10))
def test_batches_are_all_samples_in_order(samples: list[tuple[int, int]], limit: int) -> None:
    queue = Queue("web-1")
    for run, size in samples:
        queue.put(run, b"x" * size)

    sent = []
    while len(queue):
        batch = queue.batch(limit)
        assert batch is not None
        assert 1 <= len(batch.samples) <= limit
        sent += [(batch.run, len(lines)) for lines in batch.samples]
        queue.remove(batch.last)

    assert sent == samples
    assert queue.bytes == 0


def test_a_batch_stands_by_subsystem_and_then_by_time_and_packs_better_so(recordings: Path) -> None:
    with (recordings / "azure_d4s_idle_short" / "host.json").open("rb") as file:
        lines = [line for line, _ in zip(file, range(300), strict=False)]

    body = b"".join(trickle.body("web-1", lines))

    order = [(record["subsystem"], record["timestamp"]) for record in json.loads(body)["measurements"]]
    assert order == sorted(order)
    assert len(order) == len(lines) == 90
    assert len(zlib.compress(body, 6)) < len(zlib.compress(b"".join(lines), 6))


@given(st.lists(st.text(max_size=20), min_size=1), st.text(max_size=10))
def test_a_body_is_json_of_the_lines_as_they_stand(texts: list[str], machine: str) -> None:
    lines = [json.dumps({"measurement": text}).encode() + b"\n" for text in texts]

    body = json.loads(b"".join(trickle.body(machine, lines)))

    assert body == {"identifier": machine, "measurements": [{"measurement": text} for text in texts]}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0), ("", 0), ("7", 7), ("-5", 0), ("soon", 0), ("1.5", 0), ("9999999999", 3600),
        ("Thu, 01 Jan 1970 00:15:00 GMT", 0), ("Thu, 01 Jan 1970 00:16:45 GMT", 5),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600), ("Fri, 99 Dec 9999 23:59:59 GMT", 0),
    ],
)  # fmt: skip
def test_a_retry_after_is_obeyed_up_to_an_hour_and_nonsense_ignored(header: str | None, seconds: float) -> None:
    assert trickle.retry_after(header, 1000) == seconds


def test_an_error_that_comes_with_status_200_is_told() -> None:
    judged = trickle.judge(200, b'{"error":"unknown key"}', "digest")

    assert judged.verdict is Verdict.AGAIN
    assert judged.reason.endswith(": unknown key")


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b'"error"'])
def test_an_answer_that_is_no_object_is_no_acknowledgement(body: bytes) -> None:
    assert trickle.judge(200, body, "digest").verdict is Verdict.ELSEWHERE


@pytest.mark.parametrize(
    "url",
    ["", "web-1:8080", "ftp://web-1", "http://", "http://web-1:port", "http://web-1:99999", "http://a..b", "http://[::1",
     "http://web-1/?key=1", "http://user:secret@web-1"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        Connection(url)

    assert "secret" not in refused.value.message


def test_the_key_is_in_no_message(receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    send(receiver(answer(401, b'{"message":"no"}')).url, 1)
    send(receiver(answer(400, b'{"message":"no"}')).url, 1)

    assert KEY not in caplog.text


def test_sending_without_tls_loads_neither_openssl_nor_the_mail_package() -> None:
    program = (
        "import sys\n"
        "from appliance.ship import road, intake, trickle\n"
        "from appliance.ship.connection import Connection\n"
        "try: Connection('http://127.0.0.1:1').post('/', b'', {})\n"
        "except ConnectionError: trickle.digest('web-1', 1, b'')\n"
        "print(sorted({'ssl', '_hashlib', 'http.client', 'email', 'unicodedata', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def waiting_samples(count: int) -> Queue:
    queue = Queue("web-1")
    for at in range(count):
        queue.put(7, sample(at))
    return queue


def test_after_an_outage_a_backlog_is_sent_slowly_at_first(receiver: Callable[..., Receiver]) -> None:
    came: list[float] = []

    def noted(request: Request) -> Answer:
        came.append(time.monotonic())
        return stored(request)

    server = receiver(*[answer(503)] * 5, noted)
    pace = Pace(1, 0.01, first_seconds=0.01, longest_seconds=0.02, open_seconds=0.1, most_per_second=8)
    sender = Sender(server.url, lambda: KEY, waiting_samples(40), pace)
    sender.start()

    until(lambda: len(came) >= 4, 10)
    under_way = sender.sent
    sender.finish(5)
    sender.join(6)

    # One in the first second, two in the next.
    assert came[1] - came[0] >= 0.99
    assert came[3] - came[0] >= 1.99
    assert under_way < 10
    # At the end nothing is held back.
    assert (sender.sent, sender.unsent) == (40, 0)


def test_who_is_started_with_a_backlog_does_not_send_at_once(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)
    pace = Pace(60, 0.5)
    started = time.monotonic()
    first: list[float] = []

    def noted(request: Request) -> Answer:
        first.append(time.monotonic() - started)
        return stored(request)

    server.answers = [noted]
    senders = [Sender(server.url, lambda: KEY, waiting_samples(60), pace) for _ in range(40)]
    for sender in senders:
        sender.start()
    until(lambda: all(sender.sent for sender in senders))
    for sender in senders:
        sender.finish(1)
        sender.join(2)

    # Of 40 times between 0 and half a second, that none is in the last quarter happens once in 100,000 runs.
    assert max(first) > 0.375


def test_what_is_taken_without_a_backlog_is_not_held_back(receiver: Callable[..., Receiver]) -> None:
    server = receiver(stored)
    sender = Sender(server.url, lambda: KEY, Queue("web-1"), Pace(1, 10, most_per_second=0.01))
    sender.start()

    for at in range(5):
        sender.put(7, sample(at))
        until(lambda at=at: sender.sent == at + 1)  # type: ignore[misc]
        time.sleep(0.02)
    until(lambda: sender.slow_start.began is None)

    sender.finish(1)
    sender.join(2)
    assert len(server.requests) == 5

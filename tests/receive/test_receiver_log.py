"""The log: an event is a line, whatever was sent, and a key is never in it."""

import io
import logging
from collections.abc import Iterator

import pytest
from receiver_peer import Peer, batch, csv_text

from appliance.receive import log


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    names = ("perfanalysis", "waitress", "waitress.queue")
    before = [(logging.getLogger(name).level, logging.getLogger(name).propagate) for name in names]
    yield stream
    for name, (level, propagate) in zip(names, before, strict=True):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = propagate


def test_a_request_is_a_line_with_what_became_of_it(peer: Peer, written: io.StringIO) -> None:
    log.configure("info", written)

    peer.upload(csv_text(), machine_id="web-1")
    peer.ask("GET", "/api/v1/machines?tenant_id=team-a")
    peer.ask("GET", "/health", key=None)
    peer.ask("GET", "/api/v1/machines", key=None)

    upload, machines, health, refused = (line.split(" ", 1)[1] for line in written.getvalue().splitlines())
    assert upload.startswith("INFO POST /api/v1/performance/upload 200 ")
    assert upload.endswith(" ms team-a")
    assert machines.startswith("INFO GET /api/v1/machines 200 ")
    assert health.endswith(" ms -")
    assert refused.startswith("INFO GET /api/v1/machines 401 ")


def test_nothing_is_written_of_what_goes_well_unless_asked_for(peer: Peer, written: io.StringIO) -> None:
    log.configure("warning", written)

    peer.upload(csv_text(), machine_id="web-1")
    peer.ask("GET", "/nope")

    assert written.getvalue() == ""


def test_what_breaks_is_explained_and_no_line_of_it_looks_like_an_event(peer: Peer, written: io.StringIO) -> None:
    log.configure("error", written)
    store = peer.application.stores.tenant("team-a")
    with store.lock:
        store.database.execute_sql("DROP TABLE machine")

    reply = peer.trickle(batch())

    first, *rest = written.getvalue().splitlines()
    assert first.endswith(f"ERROR error {reply.json['details']['error_id']}")
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_control_characters_are_made_visible(peer: Peer, written: io.StringIO) -> None:
    log.configure("info", written)

    peer.ask("GET", "/x%0aERROR%20forged%1b[2J%e2%80%ae")

    assert len(written.getvalue().splitlines()) == 1
    assert "/x\\nERROR forged\\x1b[2J" in written.getvalue()
    assert written.getvalue().rstrip("\n").isprintable()


def test_a_key_is_never_written(peer: Peer, written: io.StringIO) -> None:
    log.configure("debug", written)
    secret = peer.key.split("_")[2]

    peer.ask("GET", f"/api/v1/machines?key={peer.key}")
    peer.ask("GET", f"/{peer.key}")
    peer.ask("GET", "/api/v1/machines", headers={"apikey": peer.key})
    peer.raw(f"GET /{peer.key} HTTP/1.1\r\nAuthorization : Bearer {peer.key}\r\n\r\n".encode())
    logging.getLogger("perfanalysis.receive").error("an error with %s in it", peer.key)

    assert len(written.getvalue().splitlines()) == 5
    assert secret[:8] not in written.getvalue()
    assert peer.key.split("_")[1] in written.getvalue()


def test_what_is_said_again_and_again_is_said_once_a_minute(written: io.StringIO) -> None:
    log.configure("info", written)
    logger = logging.getLogger("perfanalysis.receive")

    for _ in range(1000):
        logger.warning("the disk is full")
        logger.info("a request")
    logger.warning("something else")

    lines = [line.split(" ", 1)[1] for line in written.getvalue().splitlines()]
    assert lines.count("WARNING the disk is full") == 1
    assert lines.count("INFO a request") == 1000
    assert lines[-1] == "WARNING something else"


def test_the_same_error_is_explained_once_and_each_of_its_numbers_is_there(written: io.StringIO) -> None:
    log.configure("info", written)
    logger = logging.getLogger("perfanalysis.receive")

    for number in range(100):
        try:
            raise OSError("no disk")
        except OSError as error:
            logger.error("error %s", number, exc_info=error)

    lines = written.getvalue().splitlines()
    assert sum("ERROR error " in line for line in lines) == 100
    assert sum("OSError: no disk" in line for line in lines) == 1

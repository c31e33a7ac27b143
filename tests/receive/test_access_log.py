"""The access log: a line of JSON a request, whatever was sent, in files that stay small."""

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import pytest
from receiver_peer import StartReceiver, batch

from appliance.receive.access_log import MAX_LINE_BYTES, AccessLog
from appliance.receive.limits import Limits
from appliance.receive.log import Request

ASKED = Request("192.0.2.1", "GET", "/health", "200", "120", 0.0123, "team-a", "0123456789ab", None, "curl/8")


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_request_is_a_line_that_says_who_asked_what_and_what_became_of_it(
    start_receiver: StartReceiver, tmp_path: Path
) -> None:
    path = tmp_path / "access.log"
    peer = start_receiver(access_log=AccessLog(path))

    body = json.dumps(batch())
    peer.ask("POST", "/v1/trickle", body, {"User-Agent": "pcc/1"})
    peer.ask("GET", "/api/v1/machines?tenant_id=secret", key=None)
    peer.raw(b"BAD\r\n\r\n")
    peer.ask("GET", "/health", headers={"X-Long": "x" * 20_000})

    stored, refused, bad, long = entries(path)
    assert re.fullmatch(r"20..-..-..T..:..:..\.[0-9]{3}Z", stored.pop("time"))
    assert stored.pop("ms") > 0
    assert stored.pop("sent") > 50
    assert stored == {
        "address": "127.0.0.1", "method": "POST", "path": "/v1/trickle", "status": 200, "received": len(body),
        "tenant": "team-a", "key": peer.key.split("_")[1], "agent": "pcc/1",
    }  # fmt: skip
    assert [refused[name] for name in ("path", "status", "tenant", "key")] == ["/api/v1/machines", 401, None, None]
    assert (bad["method"], bad["status"]) == ("-", 400)
    assert (long["method"], long["path"], long["status"]) == ("-", "-", 431)
    assert "secret" not in path.read_text()


def test_of_what_is_refused_for_anything_but_its_key_it_is_said_whose_it_was(
    start_receiver: StartReceiver, tmp_path: Path
) -> None:
    path = tmp_path / "access.log"
    peer = start_receiver(Limits(posts_per_minute=1), AccessLog(path))
    reads = peer.registry.create_key("team-a", ["read"])

    peer.ask("POST", "/v1/trickle", "{}", key=reads)
    peer.ask("POST", "/v1/trickle", "{}", {"Content-Length": "900000000"})
    peer.trickle(batch())
    peer.trickle(batch())

    key, reading = (shown.split("_")[1] for shown in (peer.key, reads))
    assert [(entry["status"], entry["tenant"], entry["key"]) for entry in entries(path)] == [
        (403, "team-a", reading), (413, "team-a", key), (200, "team-a", key), (429, "team-a", key),
    ]  # fmt: skip


def test_no_key_is_ever_written(start_receiver: StartReceiver, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    peer = start_receiver(access_log=AccessLog(path))
    secret = peer.key.split("_")[2]

    peer.ask("GET", f"/{peer.key}")
    peer.ask("GET", f"/api/v1/machines?key={peer.key}")
    peer.ask("GET", "/health", headers={"User-Agent": peer.key, "Referer": peer.key})

    assert len(entries(path)) == 3
    assert secret[:8] not in path.read_text()


@pytest.mark.parametrize(
    "text", ["a\nb", "\x1b[2J", "\u202eevil", "\x7f", "\x00", "\u2028", '","status":200,"x":"', "%s{0}"]
)
def test_a_line_is_one_line_of_plain_letters(tmp_path: Path, text: str) -> None:
    log = AccessLog(tmp_path / "access.log")

    log.write(ASKED._replace(path=f"/{text}", agent=text))

    [entry] = entries(log.path)
    assert (entry["path"], entry["agent"], entry["status"]) == (f"/{text}", text, 200)
    assert log.path.read_text("ascii").rstrip("\n").isprintable()
    log.close()


@pytest.mark.parametrize("letter", ["x", "\x00", "\u202e", "\U0001f600"])
def test_a_line_is_short_however_long_what_is_sent(tmp_path: Path, letter: str) -> None:
    log = AccessLog(tmp_path / "access.log")

    log.write(ASKED._replace(path="/" + letter * 10_000, agent=letter * 10_000, method="B" * 5000))

    [line] = log.path.read_text("ascii").splitlines()
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["status"] == 200
    log.close()


def test_the_files_stay_small_and_few_and_lose_no_line_in_between(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log", max_file_bytes=2000, kept_files=3)

    for number in range(100):
        log.write(ASKED._replace(path=f"/{number}"))

    log.close()
    names = ["access.log.2", "access.log.1", "access.log"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert all((tmp_path / name).stat().st_size <= 2000 for name in names)
    kept = [int(entry["path"][1:]) for name in names for entry in entries(tmp_path / name)]
    assert kept == list(range(kept[0], 100))


def test_a_file_that_was_there_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    for _ in range(2):
        log = AccessLog(path)
        log.write(ASKED)
        log.close()

    assert len(entries(path)) == 2


def test_a_file_that_was_renamed_is_made_anew_when_asked(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log")
    log.write(ASKED)
    log.path.rename(tmp_path / "yesterday")
    log.write(ASKED)

    log.reopen()
    log.write(ASKED)

    assert (len(entries(tmp_path / "yesterday")), len(entries(log.path))) == (2, 1)
    log.close()


def test_a_flood_of_strangers_is_counted_and_not_written(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log", strangers_a_second=10)

    for _ in range(10_000):
        log.write(ASKED._replace(tenant=None, key_id=None, status="401"))
    log.write(ASKED)

    written = entries(log.path)
    left_out = sum(entry.get("left_out_before", 0) for entry in written)
    assert len(written) + left_out == 10_001
    assert len(written) < 1000
    assert written[-1]["tenant"] == "team-a"
    log.close()


def test_a_log_that_cannot_be_written_is_told_once_and_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = AccessLog(tmp_path / "access.log")
    os.dup2(os.open("/dev/full", os.O_WRONLY), log.file)

    for _ in range(3):
        log.write(ASKED)

    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "cannot be written: No space left on device" in caplog.text
    log.reopen()
    log.write(ASKED)
    assert len(entries(log.path)) == 1
    log.close()

"""The receiver besieged for a long time: slow connections, hostile requests, signals under load, no room for bodies."""

import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from besieged import (
    PLAIN,
    UNMENDED,
    Besieged,
    besieged,
    drip,
    exchange,
    fuzz,
    head,
    post_until_refused,
    slow_connections,
    stored_times,
    terminate,
)
from hypothesis import HealthCheck, Phase, given, settings
from receiver_peer import UPLOAD, at_once
from schemathesis.specs.openapi.checks import positive_data_acceptance

HOSTILE, CONTROL_HOSTILE, DESCRIBED, LEAST_DESCRIBED = 95_000, 5_000, 10_000, 5_000
SLOW, SLOW_SECONDS, HEALTH_SECONDS, PAUSE_SECONDS = 400, 60, 0.1, 0.03
TERMINATIONS, KILLS, CUT_SHARE = 100, 10, 0.2
EXPORT = b"/api/v1/performance/export?machine_id="
FLOOD_SECONDS = 10
FLOOD, FLAT_MEGABYTES = 100_000, 5
OFTEN = ("--limit", "bad_keys_per_minute=100000000", "--limit", "stranger_connections=1000")
OFTEN += ("--limit", "uploads_per_minute=100000000", "--limit", "posts_per_minute=100000000")


def test_health_is_fast_among_slow_connections_that_come_again_and_again(data: Path) -> None:
    with besieged(data) as target:
        alone = statistics.median(target.health() for _ in range(50))
        taken: list[float] = []
        # How late this process itself is woken tells what other work the machine has.
        late: list[float] = []
        deadline = time.monotonic() + SLOW_SECONDS
        while time.monotonic() < deadline:
            # Until their time is over, then others.
            with slow_connections(target, SLOW) as connections:
                left = 0
                for turn in range(600):
                    # Each sends a byte every second or so.
                    left += drip(connections[turn % 20 :: 20])
                    taken.append(target.health())
                    slept_at = time.monotonic()
                    time.sleep(PAUSE_SECONDS)
                    late.append(time.monotonic() - slept_at - PAUSE_SECONDS)
        # An answer is woken for three times: the receiver's loop, its thread, and who asked.
        machine = 3 * statistics.quantiles(late, n=100)[98]
        p99 = statistics.quantiles(taken, n=100)[98]

        print(f"{len(taken)} answers of /health among {SLOW} slow connections, {left} bytes taken: p99")
        print(
            f"{p99 * 1000:.1f} ms, median {statistics.median(taken) * 1000:.1f} ms, alone {alone * 1000:.1f} ms, "
            f"the machine {machine * 1000:.1f} ms"
        )
        assert p99 < HEALTH_SECONDS + machine
        assert target.errors() == []


def test_a_flood_of_connections_is_over_when_it_is_over(data: Path) -> None:
    with besieged(data) as target:
        deadline = time.monotonic() + FLOOD_SECONDS
        counted = [0] * 4

        def connect(number: int) -> None:
            while time.monotonic() < deadline:
                with suppress(OSError), socket.socket() as connection:
                    connection.settimeout(1)
                    connection.connect(("127.0.0.1", target.port))
                    counted[number] += 1

        at_once(connect, 4)
        before = time.monotonic()
        target.health()

        print(f"{sum(counted)} connections in {FLOOD_SECONDS} s; /health after {time.monotonic() - before:.2f} s")
        assert time.monotonic() - before < 5
        assert target.errors() == []


def test_control_waitress_alone_is_deaf(data: Path) -> None:
    with besieged(data, program=PLAIN) as target, slow_connections(target, SLOW), pytest.raises(TimeoutError):
        target.health(timeout=10)


def test_a_hundred_thousand_hostile_requests_get_answers_that_are_planned(data: Path) -> None:
    with besieged(data, *OFTEN) as target:
        found = fuzz(target, HOSTILE, seed=random.SystemRandom().randrange(1 << 30))
        target.health()

        print(f"{found.statuses.total()} hostile requests: {dict(sorted(found.statuses.items()))}")
        assert found.wrong == []
        assert target.errors() == []


def test_thousands_of_requests_of_a_schema_fuzzer_get_answers_that_are_described(data: Path) -> None:
    with besieged(data, *OFTEN) as target:
        url = f"http://127.0.0.1:{target.port}"
        operations = [
            result.ok() for result in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations()
        ]
        statuses: dict[int, int] = {}
        for operation in operations:
            ask_all(operation, url, target.key, DESCRIBED // len(operations), statuses)

        print(f"{sum(statuses.values())} requests of a schema fuzzer: {dict(sorted(statuses.items()))}")
        assert target.errors() == []
        assert not [status for status in statuses if status >= 500]
        # With the hostile ones above a hundred thousand; some paths have only few ways to be asked.
        assert sum(statuses.values()) > LEAST_DESCRIBED


def ask_all(operation: Any, url: str, key: str, count: int, statuses: dict[int, int]) -> None:
    quiet = list(HealthCheck)

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=quiet, database=None, deadline=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(base_url=url, headers={"Authorization": f"Bearer {key}"})
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    ask()


def test_control_without_our_mends_hostile_requests_break_the_server(data: Path) -> None:
    with besieged(data, *OFTEN, program=UNMENDED) as target:
        fuzz(target, CONTROL_HOSTILE, seed=1)

        assert any("uncaptured python exception" in line for line in target.errors())


def test_a_hundred_terminations_under_load_lose_nothing_and_hardly_cut_anybody_off(data: Path) -> None:
    acknowledged: set[int] = set()
    cut, statuses = 0, set()
    for turn in range(TERMINATIONS):
        with besieged(data) as target:
            told = post_until_refused(target, lambda: terminate(target), first=turn * 10_000)
        acknowledged |= told.acknowledged
        cut += told.cut
        statuses |= set(told.statuses)

    print(f"{TERMINATIONS} terminations: {len(acknowledged)} posts acknowledged, {cut} cut off")
    assert acknowledged <= stored_times(data)
    assert statuses <= {200, 503}
    # Who connects in the very moment in which the receiver stops to listen is cut off by the system.
    assert cut < TERMINATIONS * CUT_SHARE


def test_control_kills_cut_off_what_was_sent(data: Path) -> None:
    cut = 0
    for turn in range(KILLS):
        with besieged(data) as target:
            cut += post_until_refused(target, lambda: terminate(target, signal.SIGKILL), first=turn * 10_000).cut

    assert cut > KILLS * 10 * CUT_SHARE


def test_a_second_signal_ends_it_at_once_and_loses_nothing(data: Path) -> None:
    with besieged(data) as target:
        codes = []

        def end() -> None:
            target.process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            codes.append(terminate(target))

        told = post_until_refused(target, end, first=0)

    assert codes[0] in (0, -signal.SIGTERM)
    assert told.acknowledged <= stored_times(data)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("needs to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_body_that_finds_no_room_is_told_so_and_others_go_on(data: Path, small_disk: Path) -> None:
    with besieged(data, temporary=small_disk) as target:
        answer = exchange(target.port, head(target.key, UPLOAD, 20_000_000) + b"x" * 20_000_000)

        assert answer.startswith(b"HTTP/1.1 507 ")
        assert b'"INSUFFICIENT_STORAGE"' in answer
        assert b"Retry-After: " in answer
        assert target.health() > 0
        assert not list(small_disk.iterdir())


def flood(target: Besieged, first: int, count: int) -> float:
    """Ask with a new key from a new address each time; return by how many megabytes the receiver grew."""
    before = target.megabytes()

    def work(number: int) -> None:
        for at in range(first + number, first + count, 4):
            address = f"{at >> 16 & 255 | 64}.{at >> 8 & 255}.{at & 255}.7"
            key = f"pa1_{secrets.token_hex(6)}_{secrets.token_hex(32)}_00000000"
            exchange(
                target.port,
                f"GET /api/v1/machines HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n"
                f"Authorization: Bearer {key}\r\n\r\n".encode(),
            )

    at_once(work, 4)
    assert target.health() > 0
    return target.megabytes() - before


@pytest.mark.parametrize(("remembered", "flat"), [(10_000, True), (1_000_000_000, False)], ids=["limited", "control"])
def test_a_hundred_thousand_keys_and_addresses_take_no_memory(data: Path, remembered: int, flat: bool) -> None:
    with besieged(data, "--trusted-proxy", "127.0.0.1", "--limit", f"remembered={remembered}") as target:
        flood(target, 0, 15_000)
        grown = flood(target, 15_000, FLOOD)

        print(f"{FLOOD} keys and addresses, {remembered} remembered: {grown:.1f} MB more")
        assert (grown < FLAT_MEGABYTES) == flat


@pytest.mark.parametrize(
    "request_of",
    [
        lambda key, n: b"GET /" + b"a" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda key, n: b"GET /" + b"/" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda key, n: b"GET " + b"a://" * (n // 4) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda key, n: b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a \t" * (n // 3) + b"\r\n\r\n",
        lambda key, n: b"GET /health HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + b"1," * (n // 2) + b"\r\n\r\n",
        lambda key, n: head_with(key, EXPORT + b"a-" * (n // 2)),
        lambda key, n: head_with(key, EXPORT + b"web-1&start=" + b"1" * n),
        lambda key, n: head_with(key, EXPORT + b"web-1&start=" + b"2024-01-01T" * (n // 11)),
        lambda key, n: head_with(b"pa1_" + b"0" * n, b"/api/v1/machines"),
    ],
    ids=["path", "slashes", "scheme", "spaces", "proxies", "machine", "digits", "date", "key"],
)  # fmt: skip
def test_what_a_field_costs_grows_with_its_length_and_no_faster(data: Path, request_of: Any) -> None:
    with besieged(data, *OFTEN, "--trusted-proxy", "127.0.0.1") as target:

        def cost(length: int) -> float:
            before = target.cpu_seconds()
            for _ in range(300):
                assert exchange(target.port, request_of(target.key.encode(), length))
            return target.cpu_seconds() - before

        cost(100)
        short, long = cost(3500), cost(14_000)

        print(f"300 requests: {short:.2f} s of CPU at 3,500 letters, {long:.2f} s at 14,000")
        # Four times as long; what grows with the square would take sixteen times as much.
        assert long < 0.1 + 6 * short


def head_with(key: bytes, path: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + b"\r\nConnection: close\r\n\r\n"


def test_a_hundred_long_uploads_without_a_key_write_nothing_to_the_disk(data: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with besieged(data, "--limit", "bad_keys_per_minute=1000", temporary=temporary) as target:
        written = target.written_bytes()
        answers = [exchange(target.port, head("x", UPLOAD, 100_000_000) + b"x" * 1_000_000) for _ in range(100)]

        assert all(answer.startswith(b"HTTP/1.1 401 ") for answer in answers)
        # A hundred megabytes were sent.
        assert target.written_bytes() - written < 1_000_000

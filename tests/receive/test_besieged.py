"""The receiver besieged, for a short time; tests/faults has the long one."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from besieged import (
    PLAIN,
    UNMENDED,
    Besieged,
    besieged,
    fuzz,
    post_until_refused,
    slow_connections,
    stored_times,
    terminate,
)

OFTEN = ("--limit", "bad_keys_per_minute=1000000", "--limit", "stranger_connections=1000")


def test_two_thousand_hostile_requests_get_answers_that_are_planned(data: Path) -> None:
    with besieged(data, *OFTEN) as target:
        found = fuzz(target, 2000, seed=1)
        target.health()

        assert found.wrong == []
        assert target.errors() == []
        assert found.statuses[200] > 50
        assert {400, 401, 404, 405, 411, 413} <= set(found.statuses)


def test_control_without_our_mends_hostile_requests_break_the_server(data: Path) -> None:
    with besieged(data, *OFTEN, program=UNMENDED) as target:
        fuzz(target, 2000, seed=1)

        assert any("uncaptured python exception" in line for line in target.errors())


def test_health_is_answered_among_four_hundred_slow_connections(data: Path) -> None:
    with besieged(data) as target, slow_connections(target, 400):
        assert [target.health() for _ in range(5)]


def test_control_waitress_alone_is_deaf_among_four_hundred_slow_connections(data: Path) -> None:
    with besieged(data, program=PLAIN) as target, slow_connections(target, 400), pytest.raises(TimeoutError):
        target.health(timeout=3)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_where_a_process_may_have_few_files_it_takes_few_connections(data: Path) -> None:
    with besieged(data, "--limit", "full_idle_seconds=1000", files=100) as target, opened(target, 60) as connections:
        refused = [connection.recv(100) for connection in connections[-20:]]

        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in refused)
        assert target.errors() == []


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_without_any_file_left_clients_are_told_and_it_recovers(data: Path) -> None:
    with besieged(data) as target:
        used = max(int(path.name) for path in Path(f"/proc/{target.process.pid}/fd").iterdir()) + 1
        subprocess.run(["prlimit", f"--pid={target.process.pid}", f"--nofile={used + 3}:1024"], check=True)
        with opened(target, 12) as connections:
            told = [connection.recv(100) for connection in connections[-5:]]
        well = recovers(target)

        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in told)
        assert well
        assert target.errors() == []


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_control_waitress_alone_tells_nobody_that_it_has_no_file_left(data: Path) -> None:
    with besieged(data, program=PLAIN) as target:
        used = max(int(path.name) for path in Path(f"/proc/{target.process.pid}/fd").iterdir()) + 1
        subprocess.run(["prlimit", f"--pid={target.process.pid}", f"--nofile={used + 3}:1024"], check=True)
        with opened(target, 12) as connections:
            connections[-1].settimeout(1)

            with pytest.raises(TimeoutError):
                connections[-1].recv(100)


@contextmanager
def opened(target: Besieged, count: int) -> Iterator[list[socket.socket]]:
    """Connections that ask nothing, twenty of an address."""
    with ExitStack() as stack:
        connections = []
        for number in range(count):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(20)
            connection.bind((f"127.0.1.{2 + number // 20}", 0))
            connection.connect(("127.0.0.1", target.port))
            connections.append(connection)
        yield connections


def recovers(target: Besieged) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError):
            return target.health() > 0
        time.sleep(0.05)
    return False


def test_a_receiver_that_is_told_to_end_answers_what_it_has_taken(data: Path) -> None:
    acknowledged: set[int] = set()
    cut = 0
    for turn in range(3):
        with besieged(data) as target:
            codes: list[int] = []
            told = post_until_refused(target, lambda: codes.append(terminate(target)), first=turn * 100_000)  # noqa: B023
        acknowledged |= told.acknowledged
        cut += told.cut

        assert codes == [0]
        assert set(told.statuses) <= {200, 503}
    # Who connects in the very moment in which the receiver stops to listen is cut off by the system.
    assert cut <= 2
    assert acknowledged <= stored_times(data)


def test_control_a_receiver_that_is_killed_cuts_off_what_it_has_taken(data: Path) -> None:
    with besieged(data) as target:
        told = post_until_refused(target, lambda: terminate(target, signal.SIGKILL), first=0)

    assert told.cut > 2

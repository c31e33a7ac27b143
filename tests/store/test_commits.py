"""Batches that wait for a store together are committed together, and answered after the commit, each for itself."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance import metrics
from appliance.errors import Conflict
from appliance.samples import Column, Samples, Values
from appliance.store import batches, history
from appliance.store.batches import Batch, Receipt
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore

LOAD = Column(metrics.LOAD_1, "")
NOON = 86_400_000 * 20_000 + 43_200_000
WRITER = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_commits import batch
from appliance.store.batches import add_batch
from appliance.store.tenant import TenantStore
store = TenantStore(Path(sys.argv[1]), "default")
def write(thread):
    for turn in range(100_000):
        add_batch(store, batch(thread * 100_000 + turn, f"m{thread}"))
        os.write(1, f"{thread} {turn}\\n".encode())
for thread in range(8):
    threading.Thread(target=write, args=(thread,)).start()
"""


@pytest.fixture
def store(data: Path) -> Iterator[TenantStore]:
    Registry(data).create_tenant("default")
    with TenantStore(data, "default") as opened:
        yield opened


def batch(number: int, machine: str = "m", value: int = 7) -> Batch:
    """A batch of one sample, at a time of its own; of one number there are two with different values."""
    at_ms = np.array([NOON + number], np.int64)
    part = Samples(machine, 0, LOAD.metric.group, at_ms, {LOAD: Values(np.array([value], np.int64))})
    return Batch(batches.digest_of("csv", machine, b"%d %d" % (number, value)), "csv", [part], {})


def broken(number: int) -> Batch:
    """A batch that nothing foresaw: its facts are no JSON."""
    return Batch(batches.digest_of("csv", "m", b"broken %d" % number), "csv", batch(number).samples, {"meta": {1, 2}})


def together(store: TenantStore, group: list[Batch]) -> list[Receipt | Exception]:
    """Add batches, each in a thread of its own, while the store is busy, so that they wait together."""
    outcomes: list[Receipt | Exception] = [RuntimeError("not done")] * len(group)

    def add(at: int) -> None:
        try:
            outcomes[at] = batches.add_batch(store, group[at])
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            outcomes[at] = error

    threads = [threading.Thread(target=add, args=(at,)) for at in range(len(group))]
    with store.lock:
        for thread in threads:
            thread.start()
        while len(store.waiting) < len(group):
            pass
    for thread in threads:
        thread.join()
    return outcomes


def stored(store: TenantStore, machine: str = "m") -> list[int]:
    return sorted(int(at) - NOON for part in history.read(store, machine) for at in part.at_ms)


def commits(store: TenantStore) -> list[str]:
    """Return the list in which each commit from now on leaves a word."""
    done: list[str] = []
    connection = store.database.connection()
    connection.set_trace_callback(lambda statement: done.append(statement) if statement == "COMMIT" else None)
    return done


def test_batches_that_wait_together_share_one_commit(store: TenantStore) -> None:
    done = commits(store)

    outcomes = together(store, [batch(number) for number in range(8)])

    assert len(done) == 1
    assert [outcome.inserted for outcome in outcomes if isinstance(outcome, Receipt)] == [1] * 8
    assert stored(store) == list(range(8))


def test_batches_one_after_the_other_have_a_commit_each(store: TenantStore) -> None:
    """The control of the test above."""
    done = commits(store)

    for number in range(8):
        batches.add_batch(store, batch(number))

    assert len(done) == 8


def test_a_batch_that_is_refused_leaves_those_beside_it_alone(store: TenantStore) -> None:
    batches.add_batch(store, batch(3, value=1))

    outcomes = together(store, [batch(number) for number in range(8)])

    assert [at for at, outcome in enumerate(outcomes) if isinstance(outcome, Conflict)] == [3]
    assert sum(isinstance(outcome, Receipt) for outcome in outcomes) == 7
    assert stored(store) == list(range(8))


def test_an_error_that_nobody_foresaw_is_of_its_own_batch_alone(store: TenantStore) -> None:
    outcomes = together(store, [batch(0), broken(1), batch(2), batch(3)])

    assert isinstance(outcomes[1], TypeError)
    assert sum(isinstance(outcome, Receipt) for outcome in outcomes) == 3
    assert stored(store) == [0, 2, 3]


def test_the_same_batch_twice_at_once_is_stored_once(store: TenantStore) -> None:
    outcomes = together(store, [batch(1), batch(1), batch(1)])

    assert sorted(outcome.duplicate for outcome in outcomes if isinstance(outcome, Receipt)) == [False, True, True]
    assert stored(store) == [1]


def test_nothing_that_was_acknowledged_is_lost_when_the_writer_is_killed(data: Path) -> None:
    Registry(data).create_tenant("default")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WRITER, str(data), str(Path(__file__).parent)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(200)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()

    acknowledged = [tuple(map(int, line.split())) for line in said if line.endswith(b"\n")]
    with TenantStore(data, "default") as store:
        found = {thread: set(stored(store, f"m{thread}")) for thread in range(8)}
    assert len(acknowledged) >= 200
    assert len({thread for thread, _ in acknowledged}) > 1
    assert all(thread * 100_000 + turn in found[thread] for thread, turn in acknowledged)

"""The same state folder on two machines: both send what waits in it and what they record, and neither loses a row."""

import shutil
from pathlib import Path

from collecting import MACHINE, sample
from long_road import TENANT, Receiver

from appliance.ship.sender import Pace, Sender
from appliance.ship.spool import Spool
from appliance.store import history
from appliance.store.tenant import TenantStore

HOSTS = [{"machine_id": "a" * 32, "hostname": name, "boot_id": name} for name in ("one", "two")]
COUNT = 300


def send_all(folder: Path, host: dict[str, str], real: Receiver, run: int, first: int) -> Spool:
    """Put samples from a number on into the spool of a folder and send all that is there."""
    spool = Spool(folder, MACHINE, host)
    sender = Sender(real.url, lambda: real.key, spool, Pace())
    for number in range(first, first + COUNT):
        sender.put(run, sample(number))
    sender.start()
    sender.finish(60)
    sender.join(70)
    assert not sender.unsent
    spool.close()
    return spool


def samples_of_runs(real: Receiver) -> dict[int, int]:
    found: dict[int, set[int]] = {}
    with TenantStore(real.data, TENANT, read_only=True) as store:
        for part in history.read(store, MACHINE):
            found.setdefault(part.run, set()).update(part.at_ms.tolist())
    return {run: len(times) for run, times in found.items()}


def copied(tmp_path: Path) -> tuple[Path, Path]:
    """A state folder in which samples of run 1 wait, and a copy of it."""
    one, two = tmp_path / "one", tmp_path / "two"
    spool = Spool(one, MACHINE, HOSTS[0])
    for number in range(COUNT):
        spool.put(1, sample(number))
    spool.close()
    shutil.copytree(one, two)
    return one, two


def test_two_machines_with_one_state_keep_their_rows_apart(real: Receiver, tmp_path: Path) -> None:
    real.start()
    one, two = copied(tmp_path)

    first = send_all(one, HOSTS[0], real, run=2, first=1000)
    second = send_all(two, HOSTS[1], real, run=3, first=1000)

    assert (first.other_host, second.other_host) == (False, True)
    assert samples_of_runs(real) == {1: COUNT, 2: COUNT, 3: COUNT}


def test_control_with_one_run_their_rows_are_taken_for_the_same(real: Receiver, tmp_path: Path) -> None:
    real.start()
    one, two = copied(tmp_path)

    send_all(one, HOSTS[0], real, run=2, first=1000)
    send_all(two, HOSTS[1], real, run=2, first=1000)

    assert samples_of_runs(real) == {1: COUNT, 2: COUNT}

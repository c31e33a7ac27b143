"""The stores of a receiver over time: damaged, gone, too many to hold open, without room, and kept in order."""

import logging
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from receiver_peer import Peer, assert_refused, batch, csv_text, measurement

from appliance.receive.housekeeping import IDLE_SECONDS, RETENTION_SECONDS, Housekeeping, Stopped
from appliance.store import merging, settings
from appliance.store.settings import Settings
from appliance.store.space import RESERVE, Space
from appliance.store.tenant import folder_of

FULL = 1 << 60


def file_of(peer: Peer, tenant: str = "team-a") -> Path:
    return folder_of(peer.registry.folder, tenant) / "data.sqlite"


def filled(peer: Peer) -> Peer:
    for key in (peer.key, peer.other_key):
        assert peer.upload(csv_text(rows=3), machine_id="web-1", key=key).status == 200
    return peer


def overwrite(path: Path) -> None:
    """Damage a file behind SQLite's back, after it has all of its content in it."""
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_damaged_file_is_set_aside_and_the_other_tenants_go_on(
    peer: Peer, is_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    filled(peer)
    path = file_of(peer)
    store = peer.application.stores.tenant("team-a")
    store.rest()
    if not is_open:
        peer.application.stores.opened.pop("team-a")
    overwrite(path)

    with caplog.at_level(logging.ERROR):
        first = peer.trickle(batch(measurement()))
        second = peer.trickle(batch(measurement()))

    for reply in (first, second):
        assert_refused(reply, 503, "STORE_QUARANTINED")
        assert reply.headers["retry-after"] == "600"
    assert not path.exists()
    (aside,) = (peer.registry.folder / "quarantine").iterdir()
    assert (aside / "data.sqlite").stat().st_size > 4096
    assert "team-a" in (aside / "WHY.txt").read_text()
    assert f"It was set aside into {aside}" in caplog.text
    assert peer.ask("GET", "/health", key=None).json["database"] == "degraded: a tenant's file is damaged and set aside"
    assert peer.upload(csv_text(rows=5), machine_id="web-1", key=peer.other_key).status == 200
    assert peer.ask("GET", "/api/v1/machines", key=peer.other_key).status == 200


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 99", "PRAGMA application_id = 7"])
def test_a_file_that_cannot_be_opened_is_a_sentence_in_the_log_and_the_other_tenants_go_on(
    peer: Peer, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    filled(peer)
    peer.application.stores.opened.pop("team-a").close()
    with sqlite3.connect(file_of(peer)) as other:
        (before,) = other.execute(statement.partition("=")[0]).fetchone()
        other.execute(statement)

    reply = peer.trickle(batch(measurement()))

    number = assert_refused(reply, 500, "PROCESSING_ERROR")["error_id"]
    assert [record.exc_info for record in caplog.records if number in record.getMessage()] == [None]
    assert f"error {number}: {file_of(peer)} " in caplog.text
    health = peer.ask("GET", "/health", key=None).json
    assert (health["status"], health["database"]) == ("degraded", "degraded: a tenant's file cannot be opened")
    assert peer.trickle(batch(measurement()), key=peer.other_key).status == 200
    other.execute(f"{statement.partition('=')[0]} = {before}")
    other.close()
    assert peer.trickle(batch(measurement())).status == 200
    assert peer.ask("GET", "/health", key=None).json["status"] == "healthy"


def test_a_restored_file_is_taken_again_at_the_next_start(peer: Peer) -> None:
    filled(peer)
    path = file_of(peer)
    peer.application.stores.tenant("team-a").rest()
    good = path.read_bytes()
    overwrite(path)
    peer.trickle(batch(measurement()))

    path.write_bytes(good)

    assert peer.trickle(batch(measurement())).status == 200
    assert peer.ask("GET", "/health", key=None).json["status"] == "healthy"


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_gone_or_empty_is_not_made_anew(peer: Peer, content: bytes | None) -> None:
    filled(peer)
    path = file_of(peer)
    peer.application.stores.opened.pop("team-a").close()
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    assert_refused(peer.trickle(batch(measurement())), 503, "STORE_QUARANTINED")

    assert not path.exists() or path.stat().st_size == 0


@pytest.mark.parametrize("is_open", [True, False])
def test_a_data_folder_that_is_replaced_by_an_empty_one_gets_nothing(peer: Peer, is_open: bool) -> None:
    filled(peer)
    folder = peer.registry.folder
    if not is_open:
        peer.application.stores.opened.pop("team-a").close()
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()

    assert_refused(peer.trickle(batch(measurement())), 503, "STORE_GONE")

    assert list(folder.iterdir()) == []
    assert peer.ask("GET", "/health", key=None).json["status"] == "degraded"
    folder.rmdir()
    folder.with_name("elsewhere").rename(folder)
    assert peer.trickle(batch(measurement())).status == 200
    assert peer.ask("GET", "/health", key=None).json["status"] == "healthy"


def test_without_room_writes_wait_and_all_else_goes_on(peer: Peer) -> None:
    filled(peer)
    stores = peer.application.stores
    stores.space = Space(stores.folder, FULL)

    for reply in (peer.trickle(batch(measurement())), peer.upload(csv_text(rows=9), machine_id="web-1")):
        assert_refused(reply, 507, "INSUFFICIENT_STORAGE")
        assert reply.headers["retry-after"] == "60"
    assert peer.ask("GET", "/health", key=None).json["database"] == "degraded: there is no room, nothing is stored"
    assert peer.ask("GET", "/api/v1/machines").status == 200
    stores.registry.revoke_key(peer.other_key.split("_")[1])
    assert_refused(peer.ask("GET", "/api/v1/machines", key=peer.other_key), 401, "INVALID_API_KEY")

    stores.space = Space(stores.folder, 0)
    assert peer.trickle(batch(measurement())).status == 200


def test_a_quota_stops_its_tenant_alone(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    filled(peer)
    settings.write(peer.application.stores.tenant("team-a"), Settings(quota_bytes=4096))

    reply = peer.trickle(batch(measurement()))

    assert_refused(reply, 507, "INSUFFICIENT_STORAGE")
    assert "tenant team-a: the tenant's quota of" in caplog.text
    assert reply.headers["retry-after"] == "600"
    assert "has as much as it may" in reply.json["message"]
    assert peer.trickle(batch(measurement()), key=peer.other_key).status == 200
    assert peer.ask("GET", "/api/v1/machines").status == 200


def test_stores_rest_when_there_are_many_and_wake_when_they_are_used(peer: Peer) -> None:
    filled(peer)
    stores = peer.application.stores
    stores.most_open = 1

    for key in (peer.key, peer.other_key, peer.key):
        assert peer.trickle(batch(measurement(1_704_067_400)), key=key).status == 200

    assert [name for name, store in stores.opened.items() if store.is_open] == ["team-a"]
    assert peer.ask("GET", "/api/v1/machines", key=peer.other_key).json["machines"]


def test_housekeeping_joins_blocks_keeps_a_reserve_and_lets_idle_stores_rest(peer: Peer) -> None:
    stores = peer.application.stores
    stores.space = Space(stores.folder, 0, 4096)
    for number in range(merging.SMALL_BLOCKS):
        assert peer.trickle(batch(measurement(1_704_067_200 + number))).status == 200
    keeping = Housekeeping(stores)
    with stores.tenant("team-a").lock:
        (before,) = stores.tenant("team-a").database.execute_sql("SELECT count(*) FROM block").fetchone()

    keeping.turn(time.monotonic())

    with stores.tenant("team-a").lock:
        (after,) = stores.tenant("team-a").database.execute_sql("SELECT count(*) FROM block").fetchone()
    assert after < before / 10
    assert (stores.folder / RESERVE).stat().st_size == 4096
    keeping.turn(time.monotonic() + IDLE_SECONDS + 60)
    assert not stores.tenant("team-a").is_open
    assert not list(stores.folder.rglob("data.sqlite-wal"))


def test_housekeeping_removes_what_is_old_hourly_and_when_a_setting_changes(peer: Peer) -> None:
    peer.upload(csv_text(rows=3), machine_id="web-1")
    stores = peer.application.stores
    keeping = Housekeeping(stores)
    keeping.turn(time.monotonic())
    settings.write(stores.tenant("team-a"), Settings(keep_ms=86_400_000))

    keeping.turn(time.monotonic() + 31)

    assert [machine["samples"] for machine in peer.ask("GET", "/api/v1/machines").json["machines"]] == [0]
    peer.upload(csv_text(rows=7), machine_id="web-1")
    keeping.turn(time.monotonic() + RETENTION_SECONDS)
    assert [machine["samples"] for machine in peer.ask("GET", "/api/v1/machines").json["machines"]] == [0]


@pytest.fixture
def removing(peer: Peer) -> Housekeeping:
    """One that has to remove something of team-a, and to join blocks of team-b."""
    peer.upload(csv_text(rows=3), machine_id="web-1")
    for number in range(merging.SMALL_BLOCKS):
        assert peer.trickle(batch(measurement(1_704_067_200 + number)), key=peer.other_key).status == 200
    settings.write(peer.application.stores.tenant("team-a"), Settings(keep_ms=86_400_000))
    return Housekeeping(peer.application.stores)


def test_housekeeping_joins_blocks_also_while_much_is_removed(removing: Housekeeping) -> None:
    removing.retain("team-a")

    assert not merging.due(removing.stores.tenant("team-b"))


def test_what_is_being_removed_does_not_keep_the_receiver_from_stopping(removing: Housekeeping) -> None:
    removing.stopping.set()

    with pytest.raises(Stopped):
        removing.retain("team-a")


MANY = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[4]),) * 2)
sys.path.insert(0, sys.argv[2])
from aging import MIDNIGHT, add, times
from appliance.receive.stores import Stores
stores = Stores(Path(sys.argv[1]))
names = [f"team-{number}" for number in range(int(sys.argv[3]))]
for name in names:
    stores.registry.create_tenant(name)
    add(stores.tenant(name), [MIDNIGHT])
for name in names:
    assert times(stores.tenant(name)) == [MIDNIGHT]
print(sum(store.is_open for store in stores.opened.values()))
stores.close()
"""


def test_more_tenants_than_files_that_may_be_open(data: Path) -> None:
    beside = Path(__file__).parents[1] / "store"

    done = subprocess.run(
        [sys.executable, "-c", MANY, str(data), str(beside), "40", "64"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 8
    shutil.rmtree(data)

"""What a store promises: everything or nothing, once, and back as it was."""

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import metrics
from appliance.errors import BadConfiguration, BadData, CannotCreate, Conflict, NotFound
from appliance.formats import recording
from appliance.metrics import Group
from appliance.samples import Column, Parsed, Samples, Values
from appliance.store import batches, blocks, history, merging
from appliance.store.batches import Batch
from appliance.store.registry import Registry
from appliance.store.tenant import TenantStore, folder_of

LOAD = Column(metrics.LOAD_1, "")


@pytest.fixture
def store(data: Path) -> Iterator[TenantStore]:
    Registry(data).create_tenant("default")
    with TenantStore(data, "default") as opened:
        yield opened


def samples(values: dict[int, int], machine: str = "m", run: int = 0, column: Column = LOAD) -> Samples:
    """Samples of one column: value by second."""
    at_ms = np.array(sorted(values), np.int64) * 1000
    numbers = np.array([values[second] for second in sorted(values)], np.int64)
    return Samples(machine, run, column.metric.group, at_ms, {column: Values(numbers)})


def batch(*parts: Samples, name: str = "a", keep_first: bool = False) -> Batch:
    return Batch(batches.digest_of("csv", "", name.encode()), "csv", parts, {}, keep_first=keep_first)


def values_of(parts: list[Samples]) -> dict[tuple[int, int, str, str], int | float]:
    """Every value by (time, run, metric, instance)."""
    return {
        (at, part.run, column.metric.name, column.instance): number
        for part in parts
        for column, values in part.columns.items()
        for at, number, there in zip(part.at_ms.tolist(), values.numbers.tolist(), values.mask().tolist(), strict=True)
        if there
    }


def stored(store: TenantStore, machine: str = "m") -> dict[int, int | float]:
    return {at // 1000: number for (at, _, _, _), number in values_of(history.read(store, machine)).items()}


def test_every_value_of_the_recordings_comes_back(store: TenantStore, recordings: Path) -> None:
    paths = [*sorted(recordings.glob("*/host.json")), *sorted(recordings.glob("*/containers.json"))]
    parsed = {path: recording.read(path, path.parent.name) for path in paths}

    for path, part in parsed.items():
        batches.add_batch(
            store, Batch(batches.digest_of("recording", "", path.read_bytes()), "recording", part.samples, part.facts)
        )

    for path in recordings.iterdir():
        expected: dict[tuple[int, int, str, str], int | float] = {}
        for source, part in parsed.items():
            if source.parent == path:
                expected |= values_of(part.samples)
        assert values_of(history.read(store, path.name)) == expected
    assert sum(len(part.samples) for part in parsed.values()) == 37


def test_storing_a_batch_twice_is_storing_it_once(store: TenantStore) -> None:
    first = batches.add_batch(store, batch(samples({1: 10, 2: 20})))

    again = batches.add_batch(store, batch(samples({1: 10, 2: 20})))

    assert (first.rows, first.inserted, first.duplicate) == (2, 2, False)
    assert again == replace(first, duplicate=True)
    assert stored(store) == {1: 10, 2: 20}


def test_the_same_samples_in_another_file_are_counted_and_not_stored_again(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 10, 2: 20})))

    receipt = batches.add_batch(store, batch(samples({2: 20, 3: 30}), name="b"))

    assert (receipt.rows, receipt.inserted, receipt.duplicates, receipt.conflicts) == (2, 1, 1, 0)
    assert stored(store) == {1: 10, 2: 20, 3: 30}


def test_other_values_for_the_same_time_are_refused_whole(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 10, 2: 20})))

    with pytest.raises(Conflict, match="1 of 2 samples have other values .* nothing was stored") as caught:
        batches.add_batch(store, batch(samples({2: 99, 3: 30}), name="b"))

    assert caught.value.details["conflicts"] == [{"machine_id": "m", "timestamp": 2.0, "column": "load_1m"}]
    assert stored(store) == {1: 10, 2: 20}


def test_the_first_value_stays_where_a_batch_says_so(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 10, 2: 20})))

    receipt = batches.add_batch(store, batch(samples({2: 99, 3: 30}), name="b", keep_first=True))

    assert (receipt.inserted, receipt.duplicates, receipt.conflicts) == (1, 0, 1)
    assert stored(store) == {1: 10, 2: 20, 3: 30}


def test_a_new_column_at_a_known_time_is_new(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 10})))

    receipt = batches.add_batch(store, batch(samples({1: 7}, column=Column(metrics.LOAD_5, "")), name="b"))

    assert receipt.inserted == 1
    assert len(values_of(history.read(store, "m"))) == 2


def test_runs_are_kept_apart(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 10}, run=5)))

    receipt = batches.add_batch(store, batch(samples({1: 99}, run=6), name="b"))

    assert receipt.inserted == 1
    assert sorted(part.run for part in history.read(store, "m")) == [5, 6]


@given(st.lists(st.dictionaries(st.integers(1, 200_000), st.just(0), min_size=1, max_size=30), min_size=1, max_size=5))
def test_batches_in_any_order_and_overlap_give_each_sample_once(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[dict[int, int]]
) -> None:
    # A sample's value follows from its time, so that overlapping batches agree.
    valued = [{second: second * 7 for second in piece} for piece in pieces]

    with TenantStore(tmp_path_factory.mktemp("store"), "default") as store:
        inserted = [
            batches.add_batch(store, batch(samples(piece), name=str(number))).inserted
            for number, piece in enumerate(valued)
        ]
        found = stored(store)

    assert found == {second: number for piece in valued for second, number in piece.items()}
    assert sum(inserted) == len(found)


def test_a_long_import_is_cut_into_blocks_of_a_day_or_a_thousand_samples(store: TenantStore) -> None:
    ten_seconds = {86_400 * 20_000 + second: second % 100 for second in range(0, 2 * 86_400, 10)}

    batches.add_batch(store, batch(samples(ten_seconds)))

    rows = store.database.execute_sql("SELECT samples, start_ms / 86400000, end_ms / 86400000 FROM block").fetchall()
    assert all(count <= blocks.BLOCK_SAMPLES and first == last for count, first, last in rows)
    assert sum(row[0] for row in rows) == len(ten_seconds)
    assert stored(store) == ten_seconds


def test_a_span_of_time_is_read_with_both_ends(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({second: second for second in range(10)})))

    (part,) = history.read(store, "m", 3000, 5000)

    assert part.at_ms.tolist() == [3000, 4000, 5000]


def test_machines_facts_and_names(store: TenantStore) -> None:
    parts = Parsed([samples({1: 1, 2: 2})], {"cpuinfo": {"total_cpus": 2}})
    batches.add_batch(store, Batch(bytes(32), "recording", parts.samples, parts.facts))
    batches.add_batch(store, Batch(bytes([1] * 32), "recording", [samples({3: 3})], {"cpuinfo": {"total_cpus": 4}}))

    history.rename(store, "m", "Shop, front")

    (summary,) = history.machines(store)
    assert (summary.machine_id, summary.name, summary.samples) == ("m", "Shop, front", 3)
    assert (summary.start_ms, summary.end_ms) == (1000, 3000)
    assert history.facts(store, "m") == {"cpuinfo": {"total_cpus": 4}}
    with pytest.raises(NotFound, match="there is no machine 'other'"):
        history.rename(store, "other", "x")


def test_a_damaged_block_is_never_read_as_other_values(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({second: second for second in range(50)})))
    (data,) = store.database.execute_sql("SELECT data FROM block").fetchone()
    store.database.execute_sql("UPDATE block SET data = ?", (data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],))

    with pytest.raises(BadData, match="restore"):
        history.read(store, "m")


def test_files_are_for_their_owner_alone(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 1})))

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir() if "sqlite" in path.name
    }

    assert modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_acknowledged_transactions_are_synced(store: TenantStore) -> None:
    """With less than FULL a power cut loses what was acknowledged."""
    settings = {
        name: store.database.execute_sql(f"PRAGMA {name}").fetchone()[0]
        for name in ("synchronous", "journal_mode", "auto_vacuum", "foreign_keys")
    }

    assert settings == {"synchronous": 2, "journal_mode": "wal", "auto_vacuum": 2, "foreign_keys": 1}


def test_a_newer_schema_is_refused_and_left_alone(store: TenantStore, data: Path) -> None:
    store.database.execute_sql("PRAGMA user_version = 99")

    with pytest.raises(BadConfiguration, match="newer perfanalysis .schema 99"):
        TenantStore(data, "default")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE theirs(x)")
    foreign.close()
    before = path.read_bytes()

    with pytest.raises(BadData, match="another program"):
        Registry(tmp_path)

    assert path.read_bytes()[100:] == before[100:]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_text("hello " * 1000)

    with pytest.raises(BadData, match="restore it from a backup"):
        Registry(tmp_path)


def test_a_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(CannotCreate, match="--data"):
        Registry(blocked / "data")


def test_a_tenants_folder_has_nothing_of_its_name(data: Path) -> None:
    folder = folder_of(data, "team-a")

    assert folder.parent == data / "tenants"
    assert "team" not in folder.name
    assert os.fspath(folder_of(data, "../../x")).startswith(os.fspath(data / "tenants"))


def test_the_receipt_is_plain_json(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 1})))

    (text,) = store.database.execute_sql("SELECT receipt FROM batch").fetchone()

    assert json.loads(text)["rows"] == 1
    assert batches.find_receipt(store, batches.digest_of("csv", "", b"a")) is not None
    assert batches.find_receipt(store, bytes(32)) is None


def test_groups_are_read_alone(store: TenantStore) -> None:
    batches.add_batch(store, batch(samples({1: 1}), samples({1: 5}, column=Column(metrics.MEMORY_TOTAL, ""))))

    (part,) = history.read(store, "m", groups=[Group.MEMORY])

    assert part.group is Group.MEMORY


def test_a_machine_goes_by_the_name_it_calls_itself_until_it_is_given_one(store: TenantStore) -> None:
    meta = {"meta": {"run": 1, "machine_id": "m", "machine_name": "web-1.example"}}
    batches.add_batch(store, Batch(bytes(32), "trickle", [samples({1: 1})], meta))

    assert history.machines(store)[0].name == "web-1.example"
    history.rename(store, "m", "Shop")
    assert history.machine(store, "m").name == "Shop"


def test_a_recording_without_names_does_not_hide_those_of_another(store: TenantStore) -> None:
    named, nameless = ({"container/ab": {"name": name, "runtime": "docker"}} for name in ("shop", ""))

    batches.add_batch(store, Batch(bytes(32), "recording", [samples({1: 1})], named))
    batches.add_batch(store, Batch(bytes([1] * 32), "recording", [samples({2: 2})], nameless))

    assert history.facts(store, "m") == {"container/ab": {"name": "shop", "runtime": "docker"}}


def test_small_blocks_of_a_collector_are_joined_and_say_the_same(store: TenantStore) -> None:
    noon = 86_400 * 20_000 + 43_200
    for number in range(100):
        piece = {noon + number * 5 + second: number + second for second in range(5)}
        column = LOAD if number % 10 else Column(metrics.LOAD_5, "")
        batches.add_batch(store, batch(samples(piece, column=column), name=str(number)))
        merging.merge_due(store)

    (count,) = store.database.execute_sql("SELECT count(*) FROM block").fetchone()
    assert count <= merging.SMALL_BLOCKS
    assert stored(store) == {
        noon + number * 5 + second: number + second for number in range(100) for second in range(5)
    }


def test_instances_that_come_and_go_leave_no_layouts_behind(store: TenantStore) -> None:
    noon = 86_400 * 20_000 + 43_200
    for number in range(merging.SMALL_BLOCKS):
        piece = samples({noon + number: 7}, column=Column(metrics.DISK_READS, f"sd{number}"))
        other = samples({noon + number: 7}, machine="other", column=Column(metrics.DISK_READS, "sd3"))
        batches.add_batch(store, batch(piece, other, name=str(number)))
    merging.merge_due(store)

    layouts = [json.loads(row[0]) for row in store.database.execute_sql("SELECT columns FROM layout")]
    # The joined one, and the one that another machine's block still has.
    assert sorted(map(len, layouts)) == [1, merging.SMALL_BLOCKS]
    assert len(history.read(store, "other")) > 0


def test_facts_without_samples_are_kept(store: TenantStore) -> None:
    batches.add_batch(store, Batch(bytes(32), "trickle", [], {"cpuinfo": {"total_cpus": 2}}, machine="m"))

    assert history.facts(store, "m") == {"cpuinfo": {"total_cpus": 2}}
    assert history.machine(store, "m").samples == 0


def test_a_time_that_two_runs_have_counts_once(store: TenantStore) -> None:
    total = Column(metrics.MEMORY_TOTAL, "")
    recorded = samples({1: 5, 2: 6, 3: 7}, run=1000)
    exported = samples({2: 6, 3: 7}, column=total)

    batches.add_batch(store, batch(exported, name="csv"))
    batches.add_batch(store, batch(recorded, name="recording"))
    batches.add_batch(store, batch(samples({10: 1}, run=9000), name="next run"))

    (machine,) = history.machines(store)
    assert (machine.samples, machine.start_ms, machine.end_ms) == (4, 1000, 10_000)
